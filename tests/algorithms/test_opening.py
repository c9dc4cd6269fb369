"""Threads that open and close layers of one file do not wait for each other for ever, as QGIS alone lets them."""

import threading

from risk_terrain.rtm_plugin.adapters.opening import open_vector
from small_city import FACTORS

THREADS, TIMES = 4, 60  # enough to hang nearly always without the lock; `limit` in tests/conftest.py then ends the run


def test_layers_of_one_file_in_four_threads(qgis_app, city):
    opened: list[bool] = []

    def work(first: int) -> None:
        for i in range(TIMES):
            layer = open_vector(city.layer(FACTORS[(first + i) % len(FACTORS)]), "layer")
            opened.append(layer.isValid() and next(layer.getFeatures()).isValid())

    threads = [threading.Thread(target=work, args=(k,)) for k in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == [True] * THREADS * TIMES
