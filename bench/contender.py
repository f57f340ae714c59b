"""Programs that run training steps when told to, and turns between them.

A contender is a process of bench_train or pytorch_baseline.py with --on_demand: it prints "ready" after warming up, runs
a turn (one step, or several) for each line it reads and answers with the milliseconds of a step, and prints a JSON object
at the end of its input.
"""
import json
import os
import signal
import subprocess
import tempfile


class Contender:
    def __init__(self, name, command, environment):
        self.name, self.command = name, [str(part) for part in command]
        self.errors = tempfile.TemporaryFile("w+")  # a full pipe would stop who writes much, as torch.compile does
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True, env=environment, start_new_session=True)
        self.options = [part for part in self.command[1:] if not part.startswith("/")]  # without this machine's paths
        self.times_ms = []

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise SystemExit(f"error: {self.name} stopped: {' '.join(self.command)}\n{self.errors.read()[-2000:]}")
        return line.strip()

    def wait_until_ready(self):
        answer = self.answer()
        if answer != "ready":
            raise SystemExit(f"error: {self.name} said '{answer}' where 'ready' belongs")

    def turn(self):
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        self.times_ms.append(float(self.answer()))

    def kill(self):
        """With what it started: a compiler's workers would go on."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def finish(self):
        """What it says of itself; the process is over."""
        self.process.stdin.close()
        report = json.loads(self.answer())
        self.process.wait()
        return report


def alternate(starts, rounds):
    """starts: {name: (command, environment)}. Warms all up one after the other, then lets each have its turn,
    `rounds` times. Returns {name: report}, each with its times in order."""
    contenders = []
    try:
        for name, (command, environment) in starts.items():
            contenders.append(Contender(name, command, environment))
            contenders[-1].wait_until_ready()
        for number in range(rounds):
            turn = number % len(contenders)  # nobody always follows the same neighbour
            for contender in contenders[turn:] + contenders[:turn]:
                contender.turn()
        return {c.name: {**c.finish(), "times_ms": c.times_ms, "options": " ".join(c.options)} for c in contenders}
    finally:
        for contender in contenders:
            contender.kill()
