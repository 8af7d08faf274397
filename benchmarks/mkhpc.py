#!/usr/bin/python3
"""mkhpc.py DIR MB [--seed S]: what a simulation leaves behind: three time steps, each as raw
float64 checkpoint (MB MiB), HDF5 (float32, gzip),
NetCDF4 (float64, plain) and text log.

A step changes a twentieth of the field by a little, so that steps share most of their bytes, and
the field is smooth, so that it compresses as
simulation output does: a little. Needs numpy; says which of h5py and netCDF4 it lacks and leaves
their files out (python3-h5py,
python3-netcdf4 of the system's own Python).
"""
import argparse
import importlib
import os
import sys

DOUBLES_PER_MIB = 131072
STEPS = 3
LOG_LINES_PER_MIB = 200


def module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"mkhpc.py: no {name}: its files are left out", file=sys.stderr)
        return None


def write_hdf5(h5py, path, field):
    with h5py.File(path, "w") as f:
        f.create_dataset("u", data=field.astype("f4").reshape(-1, 1024), compression="gzip", compression_opts=1)


def write_netcdf(netcdf, path, field):
    with netcdf.Dataset(path, "w") as f:
        f.createDimension("x", len(field))
        f.createVariable("u", "f8", ("x",))[:] = field


def write_log(path, step, field, lines):
    with open(path, "w", encoding="ascii") as f:
        for i in range(lines):
            f.write(f"step {step * lines + i:9d} dt={1e-3:.6e} residual={abs(field[i]):.12e} E={field[-i - 1]:.12e}\n")


def make(folder, mib, seed=1):
    import numpy as np
    h5py, netcdf = module("h5py"), module("netCDF4")
    os.makedirs(folder, exist_ok=True)
    rnd = np.random.default_rng(seed)
    field = np.cumsum(rnd.standard_normal(mib * DOUBLES_PER_MIB))
    part = len(field) // 20
    for step in range(STEPS):
        field[step * part:(step + 1) * part] += rnd.standard_normal(part) * 1e-3
        field.tofile(f"{folder}/checkpoint{step}.dat")
        if h5py:
            write_hdf5(h5py, f"{folder}/out{step}.h5", field)
        if netcdf:
            write_netcdf(netcdf, f"{folder}/out{step}.nc", field)
        write_log(f"{folder}/log{step}.txt", step, field, mib * LOG_LINES_PER_MIB)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("dir")
    p.add_argument("mib", type=int)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    try:
        make(a.dir, a.mib, a.seed)
    except ImportError as e:
        sys.exit(f"mkhpc.py: {e}")


if __name__ == "__main__":
    main()
