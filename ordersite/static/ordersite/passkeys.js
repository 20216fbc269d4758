// The library's script adds a passkey and stays on the page. Show the new list, and what the site says about it.
document.addEventListener("otp_webauthn.register_complete", () => window.location.reload());
