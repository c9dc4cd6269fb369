"""Threads change the time, never the answer; cancel and errors come through."""

import threading

import numpy as np
import pytest
from helpers import candidate_set
from risk_terrain.rtm_plugin.core.elastic_net import cull
from risk_terrain.rtm_plugin.core.errors import Cancelled, FitError
from risk_terrain.rtm_plugin.core.parallel import in_threads
from risk_terrain.rtm_plugin.core.progress import silent
from risk_terrain.rtm_plugin.core.study import SelectionSettings


def test_results_come_in_order():
    jobs = [lambda progress, i=i: i * i for i in range(7)]
    assert in_threads(jobs, silent, workers=1) == in_threads(jobs, silent, workers=3) == [i * i for i in range(7)]


def test_cancel_stops_every_job():
    """The caller's progress raises; a job that reports is stopped, and nobody is left running."""
    stopped = threading.Event()

    def endless(progress):
        try:
            while True:
                progress(0.5)
        finally:
            stopped.set()

    seen = []

    def refuse(fraction):
        seen.append(fraction)
        if len(seen) > 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        in_threads([endless, endless], refuse, workers=2)
    assert stopped.is_set()


def test_an_error_wins_over_the_cancel_that_it_causes():
    begun = threading.Event()

    def fails(progress):
        begun.wait(5)
        raise FitError("It cannot be fitted.")

    def waits(progress):
        begun.set()
        while True:
            progress(0.1)

    with pytest.raises(FitError, match=r"It cannot be fitted\."):
        in_threads([waits, fails], silent, workers=2)


def test_culling_is_the_same_with_one_worker_and_two():
    random = np.random.default_rng(3)
    base = random.random((4, 600))
    candidates = candidate_set({f"f{i}": [row < share for share in (0.1, 0.2, 0.4)] for i, row in enumerate(base)})
    counts = random.poisson(np.exp(-1 + 1.2 * (base[0] < 0.2))).astype(float)
    one, two = (cull(counts, candidates, SelectionSettings(), workers=workers) for workers in (1, 2))
    assert one.survivors == two.survivors
    for a, b in zip(one.paths, two.paths, strict=True):
        assert a.coefficients.tobytes() == b.coefficients.tobytes()
        assert a.deviance.tobytes() == b.deviance.tobytes()
