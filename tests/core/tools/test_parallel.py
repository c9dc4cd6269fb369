"""Threads change the time, never the answer; cancel and errors come through."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from helpers import full_grid, points
from risk_terrain.rtm_plugin.core import pipeline
from risk_terrain.rtm_plugin.core.candidates.covariates import observe
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from risk_terrain.rtm_plugin.core.errors import Cancelled, FitError
from risk_terrain.rtm_plugin.core.study import Events
from risk_terrain.rtm_plugin.core.tools.parallel import in_threads
from risk_terrain.rtm_plugin.core.tools.progress import silent


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


@pytest.mark.parametrize("raised", [Cancelled, FitError])
def test_jobs_that_have_not_begun_never_begin(raised):
    """Of a thousand jobs, one goes on until it is stopped; a cancel, or the error of another, spares the rest."""
    begun = []

    def job(progress):
        begun.append(1)
        if raised is FitError and len(begun) == 1:
            raise FitError("It cannot be fitted.")
        while True:
            progress(0.5)

    def refuse(fraction):
        if begun:
            raise raised

    with pytest.raises(raised):
        in_threads([job] * 1000, refuse if raised is Cancelled else silent, workers=1)
    assert len(begun) < 1000


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


def test_candidates_are_the_same_with_one_worker_and_two():
    random = np.random.default_rng(3)
    grid = full_grid(30, 40)
    factors = [(points(*(random.random((50, 2)) * 40)), FactorSettings(f"f{i}")) for i in range(5)]
    one, two = (pipeline.candidate_set(factors, grid, workers=workers) for workers in (1, 2))
    assert one.candidates == two.candidates
    for a, b in zip(one.factors, two.factors, strict=True):
        assert a.codes.tobytes() == b.codes.tobytes()
        assert a.table.tobytes() == b.table.tobytes()


def test_the_model_is_the_same_with_one_worker_and_two():
    """To the last bit, but for the seconds that it took."""
    random = np.random.default_rng(5)
    grid = full_grid(40, 40)
    factors = [(points(*(random.random((30, 2)) * 40)), FactorSettings(f"f{i}")) for i in range(4)]
    candidates = pipeline.candidate_set(factors, grid)
    near = candidates.column("f0_proximity_2") + candidates.column("f1_density_4")
    counts = random.poisson(0.2 * np.exp(near)).astype(float)
    events = Events(counts, float(counts.sum()), 0.0)
    observed = observe(grid, counts, candidates, None)
    one, two = (
        replace(pipeline.fit_model(observed, events, SelectionSettings("all"), {}, workers=workers), provenance={})
        for workers in (1, 2)
    )
    assert one.to_json() == two.to_json()
    assert one.selected
