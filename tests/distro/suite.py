# SPDX-License-Identifier: MIT
#
# Run tests of Python's own test-suite, in the guest: a line before and after each.
#
#   suite.py MODULE skip|only FILE [LIMIT]    without or only those that FILE names;
#                                             none may take longer than LIMIT seconds
import faulthandler
import os
import sys
import unittest

module, how, listed, limit = sys.argv[1:4] + [float((sys.argv + ["120"])[4])]
report = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def name(test):
    return test.id().removeprefix("test.")


class Result(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.outcome = "pass"
        faulthandler.dump_traceback_later(limit, exit=True)
        print("run", name(test), file=report)

    def stopTest(self, test):
        faulthandler.dump_traceback_later(limit, exit=True)  # what comes after the last, too
        print(self.outcome, name(test), file=report)
        super().stopTest(test)

    def fails(self, test, error):
        self.outcome = "fail"
        print("FAILED", name(test), self._exc_info_to_string(error, test), file=sys.stderr)

    addError = addFailure = fails

    def addSubTest(self, test, subtest, error):
        if error:
            self.fails(test, error)

    def addSkip(self, test, reason):
        self.outcome = "skip"

    def addUnexpectedSuccess(self, test):
        self.outcome = "fail"


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


if __name__ == "__main__":
    from test import support
    support.use_resources = ["cpu", "subprocess", "walltime"]
    names = set(open(listed).read().split())
    tests = tests_of(unittest.defaultTestLoader.loadTestsFromName("test." + module))
    result = Result()
    unittest.TestSuite(t for t in tests if (name(t) in names) == (how == "only")).run(result)
    print("end", file=report)
    faulthandler.cancel_dump_traceback_later()
