"""Algorithms that are killed within the move of their outputs: a program that reads {algorithm: parameters} as JSON.

Each runs in a fork of its own, of a process that has never run one: a fork of a process with threads may hang. The
answer is {algorithm: the signal that ended it}.
"""

import json
import os
import signal
import sys

from qgis.core import QgsApplication

LIMIT = 120  # seconds, after which a fork that hangs ends by another signal


def run_until_killed(algorithm: str, parameters: dict) -> None:
    """Die by kill -9 when an earlier file has lost its name and the new one not yet got it."""
    import processing

    signal.alarm(LIMIT)
    aside, replace = [], os.replace

    def step(source, target):
        if aside:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)
        aside.extend([target] * str(target).endswith(".old"))

    os.replace = step
    processing.run(f"rtm:{algorithm}", parameters)


def main() -> None:
    application = QgsApplication([], False)
    application.initQgis()
    from processing.core.Processing import Processing
    from risk_terrain.rtm_plugin.adapters.libraries import AT_LOAD, VERIFYING, load_libraries
    from risk_terrain.rtm_plugin.provider import RiskTerrainProvider

    Processing.initialize()
    load_libraries((*AT_LOAD, *VERIFYING))  # once, for all forks
    provider = RiskTerrainProvider()
    QgsApplication.processingRegistry().addProvider(provider)
    ended = {}
    for algorithm, parameters in json.load(sys.stdin).items():
        child = os.fork()
        if not child:
            try:
                run_until_killed(algorithm, parameters)
            finally:
                os._exit(1)
        ended[algorithm] = os.WTERMSIG(os.waitpid(child, 0)[1])
    print(json.dumps(ended), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
