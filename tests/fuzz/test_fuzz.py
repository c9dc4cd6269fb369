"""A short run of the fuzzer: the seeds that once failed, then the first of a fixed sequence."""

import itertools
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import fuzz
from cases import CASES

FRESH = 40


def test_wrong_inputs_give_results_or_a_sentence(tmp_path):
    seeds = [*fuzz.kept_seeds(), *itertools.islice(fuzz.fresh_seeds(2026), FRESH)]
    tried, failures = fuzz.fuzz(seeds, tmp_path, time.monotonic() + 1800)
    assert [f"{f['seed']} {f['case']} {f['algorithm']}: {f['verdict']}" for f in failures] == []
    assert sum(tried.values()) == len(seeds)
    assert set(tried) == set(CASES)
