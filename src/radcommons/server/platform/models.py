"""Tables of the platform: accounts, roles, tokens, audit events and their chain, outbox facts."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from radcommons.server.platform.policy import Role


class User(AbstractUser):
    """A person with an account; what they may do stands in :class:`RoleAssignment` only."""

    class Meta:
        """Table options."""

        db_table = "platform_user"


class RoleAssignment(models.Model):
    """A role granted to an account, for all sites or for one."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="role_assignments")
    role = models.CharField(max_length=32, choices=[(role.value, role.value) for role in Role])
    # The code of a site, not a key: sites are a room above this one.
    site_code = models.CharField(max_length=32, blank=True, default="")
    granted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table options."""

        constraints = [
            models.UniqueConstraint(fields=["user", "role", "site_code"], name="platform_role_once"),
            models.CheckConstraint(
                condition=models.Q(site_code="") | models.Q(role=Role.SITE_COORDINATOR.value),
                name="platform_only_coordinators_are_of_a_site",
            ),
            models.CheckConstraint(
                condition=~models.Q(site_code="") | ~models.Q(role=Role.SITE_COORDINATOR.value),
                name="platform_coordinators_have_a_site",
            ),
        ]


class ApiToken(models.Model):
    """A person's token for programs; the secret itself is never stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)


class SetupLink(models.Model):
    """A one-time link by which somebody chooses a password: the first administrator, or an invited person."""

    sha256 = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="setup_links")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class AuditEvent(models.Model):
    """One change of state, written in its transaction; append-only by trigger."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=100, db_index=True)
    object_kind = models.CharField(max_length=50)
    object_id = models.CharField(max_length=200, db_index=True)
    facts = models.JSONField(default=dict)
    digest = models.BinaryField(max_length=32)


class AuditLink(models.Model):
    """The place of an event in the hash chain; written by a trigger at commit, so that the lock is held for a moment."""

    sequence = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, on_delete=models.PROTECT, related_name="link")
    chain_hash = models.BinaryField(max_length=32)


class AuditCheckpoint(models.Model):
    """A signed statement of how long the chain was and how it ended."""

    sequence = models.BigIntegerField(unique=True)
    note = models.TextField()
    signature = models.BinaryField(max_length=64)
    public_key = models.BinaryField(max_length=32)
    signed_at = models.DateTimeField()


class OutboxFact(models.Model):
    """Something that happened in a room, to be read by the journey; written in the transaction of the change."""

    kind = models.CharField(max_length=50)
    study_instance_uid = models.CharField(max_length=64, db_index=True)
    facts = models.JSONField(default=dict)
    recorded_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=100, blank=True, default="")

    class Meta:
        """Table options."""

        indexes = [
            models.Index(
                fields=["id"], name="platform_outbox_pending", condition=models.Q(delivered_at=None, failed_at=None)
            ),
            models.Index(fields=["id"], name="platform_outbox_failed", condition=models.Q(failed_at__isnull=False)),
        ]
