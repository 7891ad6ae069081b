"""Serves a model file with llama.cpp's own HTTP server, on the loopback only, until it is killed.

Usage: python llama_server.py MODEL PORT      (needs the package `xllamacpp`)

One request is answered at a time, by one thread: tests measure whether a request that was given up really ended.
"""

import sys
import threading

from xllamacpp import CommonParams, Server


def serve(model, port):
    params = CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = 8192
    params.n_parallel = 1
    params.cpuparams.n_threads = 1
    # The server runs in threads of its own and ends with this object.
    server = Server(params)
    print(f"listening on {server.listening_address}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    serve(sys.argv[1], int(sys.argv[2]))
