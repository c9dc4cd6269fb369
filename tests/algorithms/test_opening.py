"""Threads that open and close layers of one file do not wait for each other for ever, as QGIS alone lets them."""

import json
import threading

from qgis.core import QgsApplication, QgsExpressionContextUtils, QgsProject, QgsVectorLayer
from risk_terrain.algorithms.shared.base import RtmAlgorithm
from risk_terrain.rtm_plugin.adapters.opening import open_vector
from risk_terrain.rtm_plugin.gui.tasks import Job
from running import run_parameters
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


def test_a_task_asks_for_no_layer_of_the_project(qgis_processing, city, tmp_path, monkeypatch):
    """Where QGIS looks for a layer in the project, it crashes now and then when that is in another thread."""
    asked: list[tuple[str, bool]] = []
    for how in ("parameterAsSource", "parameterAsLayer", "parameterAsVectorLayer", "parameterAsLayerList"):
        monkeypatch.setattr(RtmAlgorithm, how, _told_of(how, getattr(RtmAlgorithm, how), asked), raising=False)
    layers = {name: QgsVectorLayer(city.layer(name), name) for name in ("area", "events", *FACTORS)}
    QgsProject.instance().addMapLayers(list(layers.values()))
    given = run_parameters(city, tmp_path, CULL="no", FAMILY="poisson")
    given |= {"STUDY_AREA": layers["area"].id(), "EVENTS": layers["events"].id()}
    given["FACTORS"] = [layers[name].id() for name in FACTORS]
    wanted = {"layer": FACTORS[0], "filter": "$x > 0 or is_selected()"}
    given["FACTOR_SETTINGS"] = json.dumps({"format": "risk-terrain-factors", "version": 1, "factors": [wanted]})
    scopes = QgsExpressionContextUtils.globalProjectLayerScopes
    window = threading.get_ident()
    monkeypatch.setattr(
        QgsExpressionContextUtils,
        "globalProjectLayerScopes",
        lambda layer: asked.append(("scopes", threading.get_ident() == window)) or scopes(layer),
    )
    job = Job("rtm:run", given)
    ended: list[bool] = []
    job.finished.connect(lambda fine, results: ended.append(fine))
    job.start()
    while not ended:
        QgsApplication.processEvents()
    QgsProject.instance().clear()
    assert ended == [True], job.error
    assert {how for how, _ in asked} >= {"parameterAsSource", "parameterAsLayerList"}
    assert all(in_window for _, in_window in asked), "a thread of its own asked for a layer"


def _told_of(how: str, ask, asked: list[tuple[str, bool]]):
    window = threading.get_ident()

    def told(algorithm, parameters, name, context, *more):
        asked.append((how, threading.get_ident() == window))
        return ask(algorithm, parameters, name, context, *more)

    return told
