"""A second look at an OUT folder: as the centre will look, and with what only the hospital knows."""

from radcommons.edge.verify.folder import VerifyOptions, VerifyResult, verify_folder

__all__ = ["VerifyOptions", "VerifyResult", "verify_folder"]
