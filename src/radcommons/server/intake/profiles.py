"""Which de-identification profiles a centre accepts: those of this software, and those accepted for a project."""

from pathlib import Path

from radcommons.deid.profile import READY_PROFILES
from radcommons.server.intake.errors import UnknownProfileError
from radcommons.server.intake.inspection import profile_at
from radcommons.server.intake.models import AcceptedProfile
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
        if (packaged.version, packaged.digest) == (version, sha256):
            return name
    row = AcceptedProfile.objects.filter(project=project, name=name, version=version, sha256=sha256).first()
    if row is None:
        raise UnknownProfileError(name, version)
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
        raise UnknownProfileError(name[:64], "")
    return ProfileStamp(row.name, row.version, row.sha256), str(_written(row))


def _written(row: AcceptedProfile) -> Path:
    """The file of an accepted profile; child processes that parse strangers' files have no database."""
    path = settings().data_dir / "profiles" / f"{row.sha256}.toml"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{row.pk}.part")
        temporary.write_text(row.content, encoding="utf-8")
        temporary.replace(path)
    return path
