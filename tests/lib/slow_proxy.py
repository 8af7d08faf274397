#!/usr/bin/env python3
"""slow_proxy.py TARGET_PORT BYTES_PER_SECOND PORT_FILE: passes connections on to TARGET_PORT of
this machine; all uploads together get so many bytes a second."""

import asyncio
import os
import sys

TARGET, RATE, PORT_FILE = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
PIECE = 16384
free_at = 0.0


async def pause(n):
    """Until the line, which all share, has carried n more bytes."""
    global free_at
    now = asyncio.get_running_loop().time()
    free_at = max(free_at, now) + n / RATE
    await asyncio.sleep(free_at - now)


async def pump(reader, writer, slow):
    try:
        while data := await reader.read(PIECE):
            if slow:
                await pause(len(data))
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    try:
        there, back = await asyncio.open_connection("127.0.0.1", TARGET)
    except OSError:
        writer.close()
        return
    await asyncio.gather(pump(reader, back, True), pump(there, writer, False))


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=PIECE)
    with open(PORT_FILE + ".new", "w") as f:
        print(server.sockets[0].getsockname()[1], file=f)
    os.rename(PORT_FILE + ".new", PORT_FILE)
    async with server:
        await server.serve_forever()


asyncio.run(main())
