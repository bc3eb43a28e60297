"""A contestant of bench in Python: reads requests, one JSON object a line, and
answers with how long each call took. bench/worker is the same in Go.

    python worker.py CONTESTANT < requests > replies
"""

import importlib
import json
import os
import sys
import threading
import time

from job import Cannot, Job

# Contestant: module, and the function in it that makes a job ready to run.
CONTESTANTS = {
    "tf-session": ("tensorflow_peer", "session"),
    "tf-callable": ("tensorflow_peer", "make_callable"),
    "tf-function": ("tensorflow_peer", "function"),
    "keras": ("tensorflow_peer", "keras"),
    "onnxruntime": ("onnx_peer", "prepare"),
    "torch": ("torch_peer", "contiguous"),
    "torch-channels-last": ("torch_peer", "channels_last"),
}


class Worker:
    def __init__(self, module, function):
        self.module, self.function = module, function
        self.job = self.runner = None

    def prepare(self, request):
        self.job = Job(request["folder"])
        module = importlib.import_module(self.module)  # cold start counts it
        self.runner = getattr(module, self.function)(self.job)
        return {"about": module.about()}

    def results(self, request):
        import numpy

        for i in range(self.inputs()):
            for k, output in enumerate(self.runner.numbers(self.runner.run(i))):
                path = os.path.join(request["folder"], f"result-{i}-{k}.npy")
                numpy.save(path, numpy.ascontiguousarray(output, numpy.float32))
        return {}

    def inputs(self):
        return len(self.job.files) or self.job.inputs

    def calls(self, request):
        run, i = self.runner.run, request.get("input", 0)
        for _ in range(request.get("warm", 0)):
            run(i)
        seconds = []
        begun = time.perf_counter()
        while len(seconds) < request["most"]:
            start = time.perf_counter()
            run(i)
            end = time.perf_counter()
            seconds.append(end - start)
            if len(seconds) >= request.get("least", 0) and end - begun >= request.get("seconds", 0):
                break
        return {"seconds": seconds}

    def callers(self, request):
        seconds = [[] for _ in range(request["callers"])]
        failed = []
        begun = time.perf_counter()

        def call(c):
            try:
                end = begun
                while end - begun < request["seconds"]:
                    start = time.perf_counter()
                    self.runner.run(c % self.inputs())
                    end = time.perf_counter()
                    seconds[c].append(end - start)
            except Exception as e:  # said by the thread that answers
                failed.append(e)

        threads = [threading.Thread(target=call, args=(c,)) for c in range(request["callers"])]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if failed:
            raise failed[0]
        return {"seconds": sum(seconds, []), "wall": time.perf_counter() - begun}


def main():
    worker = Worker(*CONTESTANTS[sys.argv[1]])
    # Replies go where standard output was; what libraries print, to stderr.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            request = json.loads(line)
            reply = getattr(worker, request["do"])(request)
        except Cannot as e:
            reply = {"error": str(e), "cannot": True}
        except Exception as e:
            reply = {"error": f"{type(e).__name__}: {e}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
