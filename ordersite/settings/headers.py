"""What browsers are told to allow: the Content-Security-Policy and its neighbours. Decision 75 says why."""

from typing import Any

from csp.constants import NONCE, NONE, SELF

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],  # and 'unsafe-eval' in the admin: `ordersite.middleware.content_security`
        "script-src-attr": [NONE],
        "style-src": [SELF, NONCE],
        "style-src-attr": ["'unsafe-inline'"],  # unfold and Swagger write widths and heights into attributes
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
PERMISSIONS_POLICY = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(),"
    " midi=(), payment=(), usb=(), publickey-credentials-create=(self), publickey-credentials-get=(self)"
)
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
