#!/usr/bin/env python3
"""far.py TARGET_PORT PORT_FILE [MS=50] [MB_PER_S=4]: passes connections on to TARGET_PORT of this
machine as if it were far away: each answer comes MS later, and each connection by itself carries so
many bytes a second in each direction.  Writes the bytes that came back so far to PORT_FILE.bytes
when it gets SIGUSR1."""
import asyncio
import os
import signal
import sys

TARGET, PORT_FILE = int(sys.argv[1]), sys.argv[2]
LATENCY = float(sys.argv[3] if len(sys.argv) > 3 else 50) / 1000
RATE = float(sys.argv[4] if len(sys.argv) > 4 else 4) * 1e6
PIECE = 65536
came = 0


class Line:
    """One connection."""

    def __init__(self):
        self.asked = False  # something was said since the last answer began


async def pump(reader, writer, line, answers):
    """The first piece of an answer is late by the latency; then the line carries what it can."""
    global came
    clock = asyncio.get_running_loop().time
    free_at = 0.0
    try:
        while data := await reader.read(PIECE):
            late = LATENCY if answers and line.asked else 0
            line.asked = not answers
            free_at = max(free_at, clock() + late) + len(data) / RATE
            await asyncio.sleep(free_at - clock())
            writer.write(data)
            await writer.drain()
            came += len(data) if answers else 0
    except OSError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    try:
        there, back = await asyncio.open_connection("127.0.0.1", TARGET, limit=PIECE)
    except OSError:
        writer.close()
        return
    line = Line()
    await asyncio.gather(pump(reader, back, line, False), pump(there, writer, line, True))


def tell():
    with open(PORT_FILE + ".bytes.new", "w", encoding="ascii") as f:
        print(came, file=f)
    os.rename(PORT_FILE + ".bytes.new", PORT_FILE + ".bytes")


async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, tell)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=PIECE, backlog=256)
    with open(PORT_FILE + ".new", "w", encoding="ascii") as f:
        print(server.sockets[0].getsockname()[1], file=f)
    os.rename(PORT_FILE + ".new", PORT_FILE)
    async with server:
        await server.serve_forever()


asyncio.run(main())
