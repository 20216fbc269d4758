"""The pages on which people of staff set up their second factor, and give it. An app's codes need no JavaScript."""

from base64 import b32encode
from typing import Any

import segno
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django_otp import login
from django_otp.plugins.otp_static.models import StaticToken

from ordersite.logins import second_factor
from ordersite.logins.records import note
from ordersite.middleware.rate_limits import count_login_attempt, seconds_to_wait

WRONG = "This code is not right, or there were too many attempts. Wait a moment for the next code, then try again."


@never_cache
@staff_member_required(login_url="admin:login")
def overview(request: HttpRequest) -> HttpResponse:
    """Show the person's apps, passkeys and recovery codes, and the ways to add one."""
    person: Any = request.user
    if second_factor.has_factor(person) and not person.is_verified():
        return HttpResponseRedirect(f"{reverse('second-factor-check')}?next={request.path}")
    factors = [
        {"key": device.persistent_id, "kind": second_factor.kind_of(device), "device": device}
        for device in second_factor.factors_of(person)
    ]
    codes = StaticToken.objects.filter(device__user=person).count()
    return _page(
        request,
        "overview",
        "Your second factor",
        factors=factors,
        codes=codes,
        next=_next(request),
        needed=settings.REQUIRE_SECOND_FACTOR,
    )


@never_cache
@staff_member_required(login_url="admin:login")
def app(request: HttpRequest) -> HttpResponse:
    """Show the key of a new app; on POST, accept its first code and show recovery codes."""
    person: Any = request.user
    if second_factor.has_factor(person) and not person.is_verified():
        return HttpResponseRedirect(reverse("second-factor-check"))
    device = second_factor.new_app(person)
    if request.method == "POST" and "code" in request.POST:
        if _may_try(request) and second_factor.confirm_app(device, request.POST["code"]):
            login(request, device)
            messages.success(request, "Your app is set up. From now on you are asked for its code when you log in.")
            return _codes(request)
        messages.error(request, WRONG)
    picture = segno.make(device.config_url, error="m").svg_data_uri(scale=5, border=3, light="#fff")
    key = b32encode(device.bin_key).decode()
    return _page(request, "app", "Set up an app", picture=picture, key=key, next=_next(request))


@never_cache
@staff_member_required(login_url="admin:login")
def check(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor; on POST, accept a code and go on."""
    person: Any = request.user
    if person.is_verified() or not second_factor.has_factor(person):
        return HttpResponseRedirect(_next(request))
    if request.method == "POST":
        device = second_factor.accept_code(person, request.POST.get("code", "")) if _may_try(request) else None
        if device is not None:
            login(request, device)
            return HttpResponseRedirect(_next(request))
        note(request, "code_refused", person.get_username(), person)
        messages.error(request, WRONG)
    has_passkey = any(second_factor.kind_of(each) == "passkey" for each in second_factor.factors_of(person))
    has_app = any(second_factor.kind_of(each) == "app" for each in second_factor.factors_of(person))
    return _page(request, "check", "Your second factor", has_passkey=has_passkey, has_app=has_app, next=_next(request))


@never_cache
@require_POST
@staff_member_required(login_url="admin:login")
def codes(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes and show them, this once."""
    if not _is_verified(request):
        return HttpResponseRedirect(reverse("second-factor-check"))
    return _codes(request)


@require_POST
@staff_member_required(login_url="admin:login")
def remove(request: HttpRequest) -> HttpResponse:
    """Remove an app or a passkey of the person."""
    if not _is_verified(request):
        return HttpResponseRedirect(reverse("second-factor-check"))
    key = request.POST.get("key", "")
    for device in second_factor.factors_of(request.user):
        if device.persistent_id == key:
            second_factor.remove(device)
            messages.success(request, f"Your {second_factor.kind_of(device)} is removed.")
            return HttpResponseRedirect(reverse("second-factor"))
    raise Http404("there is no such app or passkey")


def _codes(request: HttpRequest) -> HttpResponse:
    made = second_factor.new_recovery_codes(request.user)
    return _page(request, "codes", "Your recovery codes", made=made, next=_next(request))


def _is_verified(request: HttpRequest) -> bool:
    person: Any = request.user
    return bool(person.is_verified())


def _may_try(request: HttpRequest) -> bool:
    return not seconds_to_wait(count_login_attempt(request, request.user.get_username()))


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_safe else reverse("admin:index")


def _page(request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
    person: Any = request.user
    is_open = person.is_verified() or not second_factor.is_needed(person)
    context = {**admin.site.each_context(request), "title": title, **context}
    if not is_open:  # nothing of the site before the second factor
        context |= {
            "available_apps": [],
            "sidebar_navigation": [],
            "has_permission": False,
            "is_nav_sidebar_enabled": False,
        }
    response = TemplateResponse(request, f"ordersite/second_factor/{name}.html", context)
    response["Cache-Control"] = "no-store"
    return response
