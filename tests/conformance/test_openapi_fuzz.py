"""Whatever a program sends to the JSON API by its own description, no answer is a server error (Schemathesis)."""

from collections.abc import Callable
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from tests.support.releases import publish

from radcommons.server.platform import accounts
from radcommons.server.platform.models import User
from radcommons.server.platform.policy import Actor, Role

# Enough to reach every parameter of every operation with odd values; the seed makes a failure come again.
EXAMPLES = 5
SEED = 20200315
ACTOR = Actor.system("tests")


@pytest.fixture
def described(live_server_url: str, tmp_path: Path) -> Callable[[], list[APIOperation]]:
    """The operations of the running application, with a published version to speak of."""
    publish(tmp_path)
    schema = schemathesis.openapi.from_url(f"{live_server_url}/api/v1/openapi.json")
    return lambda: [found.ok() for found in schema.get_all_operations()]


def administrator() -> dict[str, str]:
    user = User.objects.filter(username="fuzz").first() or accounts.create_account("fuzz", actor=ACTOR)
    for role in Role:
        if role is not Role.SITE_COORDINATOR:
            accounts.grant_role("fuzz", role, actor=ACTOR)
    return {"Authorization": f"Bearer {accounts.issue_api_token(user, 'fuzz', actor=ACTOR)}"}


def ask(operation: APIOperation, mode: GenerationMode, headers: dict[str, str]) -> list[tuple[int, str]]:
    """Statuses of generated requests, each with the command that makes it again."""
    answers = []

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Case) -> None:
        answers.append((case.call(headers=headers).status_code, case.as_curl_command()))

    try:
        run()
    except Unsatisfiable:
        # An operation without parameters cannot be asked wrongly.
        assert mode is GenerationMode.NEGATIVE
    return answers


@pytest.mark.parametrize("is_administrator", [False, True], ids=["anonymous", "administrator"])
def test_no_request_of_the_described_shape_or_near_it_is_a_server_error(described, is_administrator):
    headers = administrator() if is_administrator else {}
    operations = described()
    answers = [
        (operation.label, *answer)
        for operation in operations
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for answer in ask(operation, mode, headers)
    ]

    assert [answer for answer in answers if answer[1] >= 500] == []
    assert len(operations) >= 5
    assert {label for label, _, _ in answers} == {operation.label for operation in operations}
    # The requests reach the verbs behind the doors, not only the doors.
    assert any(status < 400 for _, status, _ in answers)
