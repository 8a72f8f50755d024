"""What waits for somebody, by role: the first thing a signed-in person sees."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from radcommons.server.access import asking
from radcommons.server.annotation.queries import adjudication, worklist
from radcommons.server.annotation.queries import projects as reading_projects
from radcommons.server.catalog import queries as catalog
from radcommons.server.curation import queries as curation
from radcommons.server.intake import queries as intake
from radcommons.server.intake.models import BatchState
from radcommons.server.journey import queries as journey
from radcommons.server.platform.failed_jobs import failed_job_count
from radcommons.server.platform.models import User
from radcommons.server.platform.policy import Action, Actor, Role, may, sites_for
from radcommons.server.platform.words import counted
from radcommons.server.releases import queries as releases
from radcommons.server.sites import queries as sites


@dataclass(frozen=True, slots=True)
class Step:
    """Something a person may do next: what, where, and how much of it there is."""

    title: str
    url: str
    text: str


def next_steps(actor: Actor) -> tuple[Step, ...]:
    """What waits for an actor, by its roles; what can be done stands before what is merely there to see."""
    makers: tuple[tuple[Role, Callable[[Actor], Iterator[Step]]], ...] = (
        (Role.SITE_COORDINATOR, _for_coordinators),
        (Role.CURATOR, _for_curators),
        (Role.RELEASE_MANAGER, _for_release_managers),
        (Role.READER, _for_readers),
        (Role.ADJUDICATOR, _for_adjudicators),
        (Role.PROJECT_MANAGER, _for_project_managers),
        (Role.ADMINISTRATOR, _for_administrators),
    )
    steps = [step for role, make in makers if actor.has_role(role) for step in make(actor)]
    if not steps or actor.has_role(Role.RESEARCHER):
        steps += list(_for_everybody(actor))
    # Somebody with several roles may be told of the same page twice; once is enough.
    return tuple({step.url: step for step in reversed(steps) if step.url}.values())[::-1]


def _for_curators(_: Actor) -> Iterator[Step]:
    number = curation.open_count()
    text = "Look at each, then clear, hold, return or reject it." if number else "Every study has a decision."
    yield Step(f"{counted(number, 'study', 'studies')} to curate", _url("curation:queue"), text)
    held = curation.held_count()
    if held:
        yield Step(
            f"{counted(held, 'study is', 'studies are')} held",
            f"{_url('curation:queue')}?state=held",
            "Held back until something is settled.",
        )
    waiting = intake.quarantined().count()
    if waiting:
        text = "Files that did not pass verification wait for a person."
        yield Step(f"{counted(waiting, 'file')} in quarantine", _url("intake:quarantine"), text)


def _for_release_managers(_: Actor) -> Iterator[Step]:
    asked = asking.waiting_requests().count()
    if asked:
        text = "Somebody asks to read a restricted version. Grant it until a day, or say why not."
        yield Step(f"{counted(asked, 'request')} for access", _url("access:queue"), text)
    for release in releases.drafts()[:5]:
        text = (
            "Check it, then publish it." if release.state == "draft" else "Checked: read the findings and publish it."
        )
        yield Step(
            f"Draft {release.slug} {release.version}", _url("releases:draft", release.pk) or _url("releases:list"), text
        )
    number = catalog.catalogued_study_count()
    text = "Choose what a release will hold and freeze it as a cohort."
    yield Step(f"{counted(number, 'cleared study', 'cleared studies')} in the catalog", _url("catalog:list"), text)


def _for_readers(actor: Actor) -> Iterator[Step]:
    for project in worklist.own_projects(actor):
        if project.next_task:
            text = f"{counted(project.left, 'case')} left on your list."
            yield Step(f"Read in {project.title}", _url("annotation:next", project.slug), text)
    yield Step("Your reads", _url("annotation:reads"), "Every project you read in, and how far you are.")


def _for_adjudicators(actor: Actor) -> Iterator[Step]:
    number = sum(adjudication.waiting(one.project, actor).count() for one in adjudication.memberships(actor))
    text = "Readers differ; you decide, and say why." if number else "No case waits for you."
    yield Step(f"{counted(number, 'case')} to adjudicate", _url("annotation:queue"), text)


def _for_project_managers(actor: Actor) -> Iterator[Step]:
    for line in reading_projects.projects(actor)[:5]:
        disputed = counted(line.disputed, "case")
        text = f"{line.done:,} of {counted(line.tasks, 'read')} done, {disputed} to adjudicate."
        yield Step(line.project.title, _url("annotation:project", line.project.slug), text)
    yield Step("Reading projects", _url("annotation:projects"), "Label schemas, readers, agreement.")


def _for_administrators(_: Actor) -> Iterator[Step]:
    new = sum(survey.site_id is None for survey in sites.surveys())
    if new:
        yield Step(
            f"{counted(new, 'survey')} without a site",
            _url("sites:surveys"),
            "Hospitals that want to contribute wait for an answer.",
        )
    stuck = len(journey.failed())
    if stuck:
        text = "A room could not act upon something that happened. See which, and try again."
        yield Step(f"{counted(stuck, 'fact')} stuck on the way", _url("journey:failed"), text)
    given_up = failed_job_count()
    if given_up:
        text = "Work in the background failed at its last attempt. See which, and try again."
        yield Step(f"{counted(given_up, 'job')} given up", _url("portal:jobs"), text)
    yield Step("Sites and agreements", _url("sites:list"), "Add a hospital, sign its agreement, give it a key.")
    number = User.objects.filter(is_active=True).count()
    yield Step(f"{counted(number, 'account')}", _url("portal:people"), "Invite people and give them roles.")


def _for_coordinators(actor: Actor) -> Iterator[Step]:
    batches = intake.readable_batches(actor)
    number = batches.filter(state=BatchState.RECEIVING).count()
    if number:
        text = "Run 'radcommons edge send' again: it goes on where it stopped."
        yield Step(f"{counted(number, 'batch', 'batches')} not complete", _url("intake:batches"), text)
    yield Step("What became of your studies", _url("intake:batches"), "Every batch with each study's state.")
    for code in sorted(sites_for(actor, Action.SITES_READ) or ()):
        yield Step(f"Your site {code}", _url("journey:site", code), "Studies, agreement, contributor keys.")


def _for_everybody(actor: Actor) -> Iterator[Step]:
    yield Step("Published releases", _url("releases:list"), "Look at images, download, cite.")
    own = asking.own_requests(actor)
    if own:
        last = own[0]
        text = f"{last.request.release.slug}: {last.state}{f' until {last.until}' if last.state == 'granted' else ''}."
        yield Step("Your access to restricted data", _url("access:mine"), text)
    if may(actor, Action.PLATFORM_OWN_ACCOUNT):
        yield Step("Your account", _url("portal:account"), "Password, second factor, tokens for programs.")


def _url(name: str, *arguments: object) -> str:
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return ""
