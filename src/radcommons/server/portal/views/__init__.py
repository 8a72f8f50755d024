"""Doors of the portal's own pages."""

from django.urls import path

from radcommons.server.portal.views import account, audit_log, home, jobs, people, selection, storage

urlpatterns = [
    path("", home.home, name="home"),
    path("about/", home.about, name="about"),
    path("setup/<str:token>/", account.setup, name="setup"),
    path("account/", account.account, name="account"),
    path("account/tokens/", account.issue_token, name="issue-token"),
    path("account/tokens/<int:token_id>/revoke/", account.revoke_token, name="revoke-token"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.invite, name="invite"),
    path("people/<str:username>/", people.person, name="person"),
    path("people/<str:username>/link/", people.new_link, name="person-link"),
    path("people/<str:username>/grant/", people.grant, name="person-grant"),
    path("people/<str:username>/revoke/", people.revoke, name="person-revoke"),
    path("people/<str:username>/second-factor/", people.remove_second_factor, name="person-second-factor"),
    path("people/<str:username>/active/", people.set_active, name="person-active"),
    path("releases/<slug:slug>/<str:version>/selection/<slug:kind>/", selection.selection, name="selection"),
    path("storage/", storage.storage, name="storage"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/<int:job>/retry/", jobs.retry, name="job-retry"),
    path("jobs/<int:job>/dismiss/", jobs.dismiss, name="job-dismiss"),
    path("audit/", audit_log.audit_log, name="audit"),
]
