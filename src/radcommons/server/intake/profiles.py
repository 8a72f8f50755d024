"""Which de-identification profiles a centre accepts: those of this software, and those accepted for a project."""

from pathlib import Path

from django.db.models import Q

from radcommons.deid.profile import EARLIER_DIGESTS, READY_PROFILES
from radcommons.server.intake.errors import UnknownProfileError
from radcommons.server.intake.models import AcceptedProfile
from radcommons.server.intake.profile_files import profile_at
from radcommons.server.platform.settings import settings
from radcommons.transfer.manifest import ProfileStamp


def profile_source(project: str, *, name: str, version: str, sha256: str) -> str:
    """The name or path by which the profile of a batch is loaded.

    Raises
    ------
    UnknownProfileError
        When the centre does not accept it.
    """
    if name in READY_PROFILES:
        packaged = profile_at(name)
        is_this = (packaged.version, packaged.digest) == (version, sha256)
        if is_this or EARLIER_DIGESTS.get(sha256) == (name, version):
            return name
    named = AcceptedProfile.objects.filter(project=project, name=name, version=version)
    row = named.filter(Q(sha256=sha256) | Q(earlier_sha256=sha256)).first()
    if row is None:
        raise UnknownProfileError(name, version, accepted=_accepted(project))
    return str(_written(row))


def profile_named(project: str, name: str) -> tuple[ProfileStamp, str]:
    """The profile of a name that the centre accepts for a project, the newest, with the name or path to load it by.

    Raises
    ------
    UnknownProfileError
        When there is none.
    """
    if name in READY_PROFILES:
        packaged = profile_at(name)
        return ProfileStamp(packaged.name, packaged.version, packaged.digest), name
    row = AcceptedProfile.objects.filter(project=project, name=name).order_by("-accepted_at", "-pk").first()
    if row is None:
        raise UnknownProfileError(name[:64], "", accepted=_accepted(project))
    return ProfileStamp(row.name, row.version, row.sha256), str(_written(row))


def _accepted(project: str) -> list[str]:
    own = [(row.name, row.version) for row in AcceptedProfile.objects.filter(project=project)]
    packaged = [(name, profile_at(name).version) for name in READY_PROFILES]
    return sorted({f"{name} {version}" for name, version in (*packaged, *own)})


def _written(row: AcceptedProfile) -> Path:
    """The file of an accepted profile; child processes that parse strangers' files have no database."""
    path = settings().data_dir / "profiles" / f"{row.sha256}.toml"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{row.pk}.part")
        temporary.write_text(row.content, encoding="utf-8")
        temporary.replace(path)
    return path
