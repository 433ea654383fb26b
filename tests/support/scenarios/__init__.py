"""What users do and what becomes of it, as tests that hold for every dialect through every door.

Derive a class whose name starts with ``Test`` from ``ScenarioSuite`` and override its fixture ``user``::

    class TestMyDoor(ScenarioSuite):
        @pytest.fixture(params=SYSTEMS, ids=lambda system: system.dialect)
        def user(self, request):
            door = MyDoor(account=request.param.dialect, ...)
            return User(door, request.param, outbox=lambda: [...], held=lambda: server.paused("intake"))
"""

from tests.support.scenarios.doors import Door, FtpDoor, FuseDoor, SftpDoor
from tests.support.scenarios.suite import ScenarioSuite
from tests.support.scenarios.systems import SYSTEMS, System
from tests.support.scenarios.user import User

__all__ = ["SYSTEMS", "Door", "FtpDoor", "FuseDoor", "ScenarioSuite", "SftpDoor", "System", "User"]
