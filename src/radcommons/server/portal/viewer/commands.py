"""``radcommons viewer``: add the OHIF viewer, or see whether it is there."""

import json
from pathlib import Path

import click

from radcommons.dicom.errors import Kind
from radcommons.server.platform.settings import settings
from radcommons.server.portal.viewer.errors import ViewerInstallError
from radcommons.server.portal.viewer.ohif import VERSION, Installation, install, installed

directory_option = click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False), help="Another place than the settings name."
)
json_option = click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")


@click.group("viewer")
def viewer() -> None:
    """Add the OHIF viewer, or see whether it is there."""


@viewer.command("install")
@directory_option
@click.option(
    "--from", "tarball", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A package fetched before."
)
@click.option("--force", is_flag=True, help="Install again over what is there.")
@json_option
def install_viewer(directory: Path | None, tarball: Path | None, *, force: bool, is_json: bool) -> None:
    """Fetch OHIF's prebuilt files with npm, verify their digest and prepare them for serving."""
    place = directory or settings().viewer_dir
    installation = None if force else installed(place)
    if installation is None:
        installation = install(place, tarball=tarball, progress=lambda step: click.echo(f"OHIF: {step} …", err=True))
    _show(installation, is_json=is_json)


@viewer.command("status")
@directory_option
@json_option
def show_status(directory: Path | None, *, is_json: bool) -> None:
    """Say which version is installed; fails when there is none."""
    installation = installed(directory or settings().viewer_dir)
    if installation is None:
        raise ViewerInstallError(
            Kind.NOT_FOUND,
            "not-installed",
            f"OHIF {VERSION} is not installed; radcommons viewer install adds it. The reading page serves meanwhile.",
        )
    _show(installation, is_json=is_json)


def _show(installation: Installation, *, is_json: bool) -> None:
    if is_json:
        click.echo(json.dumps(installation.to_json()))
    else:
        size_mb = installation.size_bytes / 1e6
        click.echo(f"OHIF {installation.version} is installed: {installation.files} files, {size_mb:.0f} MB.")
