"""Runs the parity cases; run.sh prepares what they need and starts this."""
import argparse
import os
import sys
from pathlib import Path

# Sums of more threads run in another order; one thread gives the same figures on every machine of a kind. And
# the cases themselves run side by side.
os.environ["OMP_NUM_THREADS"] = "1"

import evaluation_test  # noqa: E402 (torch reads the line above when it is loaded)
import export_test  # noqa: E402
import features_test  # noqa: E402
import formats_test  # noqa: E402
import harmonic_oracle_test  # noqa: E402
import harmonic_replay_test  # noqa: E402
import identity_test  # noqa: E402
import initial_values_test  # noqa: E402
import oracle_test  # noqa: E402
import quality_test  # noqa: E402
import replay_test  # noqa: E402
import sensitivity_test  # noqa: E402
import tensorboard_test  # noqa: E402
import texture_test  # noqa: E402
from programs import Programs  # noqa: E402
from report import Report, cases  # noqa: E402

BUILD = Path(__file__).parents[2] / "build" / "cpu-release" / "bin"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="?", default=BUILD, help="folder of the built programs (%(default)s)")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="run the cases whose name matches, e.g. 'oracle*'")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N",
                        help="cases at a time (%(default)s)")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--record", action="store_true",
                        help="write what the programs compute into identity.json, and stop")
    options = parser.parse_args()
    report, programs = Report(options.only), Programs(options.programs)
    if options.record:
        identity_test.record(programs)
        return 0
    for suite in (replay_test, harmonic_replay_test, texture_test, identity_test, initial_values_test, evaluation_test, export_test,
                  features_test, formats_test, quality_test, tensorboard_test):  # the longest first
        suite.run(report, programs)
    for suite in (oracle_test, harmonic_oracle_test, sensitivity_test):
        suite.run(report)
    texture_test.run_oracle(report)
    if options.list:
        print("\n".join(name for name, _, _ in cases))
        return 0
    return report.run(options.jobs)


if __name__ == "__main__":
    sys.exit(main())
