"""What users do and what becomes of it, as tests that hold for every dialect through every door.

Derive a class whose name starts with ``Test`` from ``ScenarioSuite`` and override its fixtures::

    class TestMyDoor(ScenarioSuite):
        @pytest.fixture(params=SYSTEMS, ids=lambda system: system.dialect)
        def system(self, request):
            return request.param

        @pytest.fixture
        def user(self, system):
            return User(MyDoor(...), system, outbox=lambda: [...], held=server.paused)
"""

from smsfs.testing.scenarios.doors import Door, FtpDoor, FuseDoor, SftpDoor
from smsfs.testing.scenarios.suite import ScenarioSuite
from smsfs.testing.scenarios.systems import SYSTEMS, System
from smsfs.testing.scenarios.user import User

__all__ = ["SYSTEMS", "Door", "FtpDoor", "FuseDoor", "ScenarioSuite", "SftpDoor", "System", "User"]
