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
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django_otp import login
from django_otp.plugins.otp_static.models import StaticToken

from orders.http.i18n import translate
from ordersite.logins import completion, passkeys, second_factor
from ordersite.logins.fresh_password import is_fresh
from ordersite.logins.page_texts import in_browsers_language, texts_of
from ordersite.logins.records import Kind, note
from ordersite.middleware.rate_limits import count_login_attempt, seconds_to_wait


@never_cache
@staff_member_required(login_url="admin:login")
@in_browsers_language
def overview(request: HttpRequest) -> HttpResponse:
    """Show the person's apps, passkeys and recovery codes, and the ways to add one."""
    if _has_to_give_it(request):
        return _to_check(request)
    factors = [
        {"key": device.persistent_id, "kind": _name_of(device), "device": device}
        for device in second_factor.factors_of(request.user)
    ]
    codes = StaticToken.objects.filter(device__user=request.user).count()
    return _page(
        request,
        "overview",
        factors=factors,
        codes=codes,
        next=_next(request),
        needed=settings.REQUIRE_SECOND_FACTOR,
        is_fresh=is_fresh(request),
        may_add=len(factors) < second_factor.MOST_FACTORS,
    )


@never_cache
@staff_member_required(login_url="admin:login")
@in_browsers_language
def app(request: HttpRequest) -> HttpResponse:
    """Show the key of a new app; on POST, accept its first code and show recovery codes."""
    if _has_to_give_it(request):
        return _to_check(request)
    if len(second_factor.factors_of(request.user)) >= second_factor.MOST_FACTORS:
        messages.error(
            request, translate("You have as many apps and passkeys as an account may have. Remove one first.")
        )
        return HttpResponseRedirect(reverse("second-factor"))
    device, was_pending = second_factor.new_app(request.user), second_factor.is_pending(request)
    if request.method == "POST" and "code" in request.POST:
        if _may_try(request) and second_factor.confirm_app(device, request.POST["code"], request):
            if was_pending:
                completion.after_second_factor(request, device)
            else:
                login(request, device)
            text = translate("Your app is set up. From now on you are asked for its code when you log in.")
            messages.success(request, text)
            return _codes(request)
        _say_wrong(request)
    picture = segno.make(device.config_url, error="m").svg_data_uri(scale=5, border=3, light="#fff")
    key = b32encode(device.bin_key).decode()
    return _page(request, "app", picture=picture, key=key, next=_next(request))


@require_POST
@staff_member_required(login_url="admin:login")
def passkey(request: HttpRequest) -> HttpResponse:
    """Lead back to the page with the button for a passkey. `FreshPassword` has asked for the password before."""
    return HttpResponseRedirect(f"{reverse('second-factor')}?{urlencode({'next': _next(request)})}#passkey")


@never_cache
@staff_member_required(login_url="admin:login")
@in_browsers_language
def check(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor; on POST, accept a code and go on."""
    person: Any = request.user
    if not _has_to_give_it(request):
        return HttpResponseRedirect(_next(request))
    if request.method == "POST":
        device = second_factor.accept_code(person, request.POST.get("code", "")) if _may_try(request) else None
        if device is not None:
            completion.after_second_factor(request, device)
            return HttpResponseRedirect(_next(request))
        note(request, Kind.CODE_REFUSED, person.get_username(), person)
        _say_wrong(request)
    kinds = {second_factor.kind_of(each) for each in second_factor.factors_of(person)}
    return _page(request, "check", has_passkey="passkey" in kinds, has_app="app" in kinds, next=_next(request))


@never_cache
@require_POST
@staff_member_required(login_url="admin:login")
@in_browsers_language
def codes(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes and show them, this once."""
    return _codes(request) if _is_verified(request) else _to_check(request)


@require_POST
@staff_member_required(login_url="admin:login")
@in_browsers_language
def remove(request: HttpRequest) -> HttpResponse:
    """Remove an app or a passkey of the person."""
    if not _is_verified(request):
        return _to_check(request)
    key = request.POST.get("key", "")
    for device in second_factor.factors_of(request.user):
        if device.persistent_id == key:
            second_factor.remove(device, request)
            is_app = second_factor.kind_of(device) == "app"
            messages.success(
                request, translate("Your app is removed.") if is_app else translate("Your passkey is removed.")
            )
            return HttpResponseRedirect(reverse("second-factor"))
    raise Http404("there is no such app or passkey")


def _codes(request: HttpRequest) -> HttpResponse:
    made = second_factor.new_recovery_codes(request.user, request)
    return _page(request, "codes", made=made, next=_next(request))


def _name_of(device: Any) -> str:
    return translate("App") if second_factor.kind_of(device) == "app" else translate("Passkey")


def _has_to_give_it(request: HttpRequest) -> bool:
    """Return whether the person has a second factor and has not given it in this session."""
    return not _is_verified(request) and second_factor.has_factor(request.user)


def _to_check(request: HttpRequest) -> HttpResponse:
    next_page = request.path if request.method == "GET" else reverse("second-factor")
    return HttpResponseRedirect(f"{reverse('second-factor-check')}?{urlencode({'next': next_page})}")


def _is_verified(request: HttpRequest) -> bool:
    person: Any = request.user
    return bool(person.is_verified())


def _may_try(request: HttpRequest) -> bool:
    return not seconds_to_wait(count_login_attempt(request, request.user.get_username()))


def _say_wrong(request: HttpRequest) -> None:
    text = translate("This code is not right, or there were too many attempts. Wait for the next code, then try again.")
    messages.error(request, text)


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_safe else reverse("admin:index")


def _page(request: HttpRequest, name: str, **context: Any) -> HttpResponse:
    texts = texts_of(name, count=context.get("codes", 0))
    context = {
        **admin.site.each_context(request),
        "title": texts["title"],
        "texts": texts,
        "can_use_passkeys": passkeys.can_be_used(request),
        "other_address": passkeys.other_address(request),
        **context,
    }
    if second_factor.is_pending(request):  # nothing of the site before the second factor
        context |= {
            "available_apps": [],
            "sidebar_navigation": [],
            "has_permission": False,
            "is_nav_sidebar_enabled": False,
        }
    response = TemplateResponse(request, f"ordersite/second_factor/{name}.html", context)
    response["Cache-Control"] = "no-store"
    return response
