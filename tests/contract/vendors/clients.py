"""Providers' own client libraries against a simulated provider; run by the interpreter that has them.

``clients.py VENDOR URL`` sends two messages, tries a wrong secret, and prints JSON: the ids that the library
gives, and how it says that the secret is wrong. On standard input come calls of webhooks for the library to
check, where it can; printed with its verdicts, and with signatures that it makes itself.
"""

# ruff: noqa: PLC0415 -- only the library of the vendor that is asked for is imported

import json
import sys
from datetime import UTC, datetime

TO = ["4520000001", "4520000002"]
TEXT = "Kære Åse: 50 % & mere \N{SNOWMAN}"
SECRET, WRONG, HOOK_SECRET = "demo-password", "wrong-password", "secret-0123456789"


def twilio(url, secret):
    """By an HTTP client that puts our address in the place of Twilio's, which is fixed."""
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    class Local(TwilioHttpClient):
        def request(self, method, uri, *arguments, **named):
            return super().request(method, uri.replace("https://api.twilio.com", url), *arguments, **named)

    client = Client("AC" + "0" * 32, secret, http_client=Local())
    sent = [client.messages.create(to=f"+{to}", from_="Acme", body=TEXT, validity_period=600) for to in TO]
    return [message.sid for message in sent]


def check_twilio(calls):
    """Verdicts on calls, and a signature of its own."""
    from twilio.request_validator import RequestValidator

    validator = RequestValidator(HOOK_SECRET)
    verdicts = [validator.validate(item["url"], item["fields"], item["signature"]) for item in calls]
    fields = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+4520000001", "Body": "å & b"}
    made = validator.compute_signature("https://sms.example.com/hooks/gw/t", fields)
    return verdicts, {"fields": fields, "signature": made}


def vonage(url, secret):
    """Its address is a host, and its scheme is always https."""
    from vonage_http_client import Auth, HttpClient, HttpClientOptions
    from vonage_sms import Sms, SmsMessage

    options = HttpClientOptions(rest_host=url.removeprefix("https://"), max_retries=1)
    client = Sms(HttpClient(Auth(api_key="demo", api_secret=secret), options))
    found = []
    for to in TO:
        message = SmsMessage(to=to, from_="Acme", text=TEXT, type="unicode", client_ref="12-3")
        found += [part.message_id for part in client.send(message).messages]
    return found


def check_vonage(calls):
    """Verdicts on calls that are signed by HMAC."""
    from vonage_http_client import Auth

    auth = Auth(api_key="demo", signature_secret=HOOK_SECRET, signature_method="sha256")
    return [auth.check_signature(dict(item["fields"])) for item in calls], {}


def infobip(url, secret):
    """By the models of version 3."""
    from infobip_api_client import ApiClient, Configuration
    from infobip_api_client.api.sms_api import SmsApi
    from infobip_api_client.models import (
        SmsDestination,
        SmsMessage,
        SmsMessageContent,
        SmsRequest,
        SmsTextContent,
    )

    client = ApiClient(Configuration(host=url, api_key=secret))
    message = SmsMessage(
        sender="Acme",
        destinations=[SmsDestination(to=to) for to in TO],
        content=SmsMessageContent(actual_instance=SmsTextContent(text=TEXT)),
    )
    answer = SmsApi(client).send_sms_messages(sms_request=SmsRequest(messages=[message]))
    return [item.message_id for item in answer.messages]


def naxai(url, secret):
    """With a token of its own getting."""
    from naxai import NaxaiClient

    client = NaxaiClient(
        api_client_id="demo", api_client_secret=secret, auth_url=f"{url}/oauth2/token", api_base_url=url
    )
    named = {"from_": "Acme", "type_": "unicode", "validity": 60, "max_parts": 3}
    more = {"idempotency_key": "k-1", "reference": "12-3"}
    answer = client.sms.send(to=[f"+{to}" for to in TO], body=TEXT, **named, **more)
    return [item.message_id for item in answer.messages]


def bulksms(url, secret):
    """A library of a third party: BulkSMS has none."""
    from bulksms import BulkSMS

    client = BulkSMS(token_id="demo", token_secret=secret)
    client.api_base = f"{url}/v1"
    return list(client.send(TO, TEXT, sender="Acme"))


def check_gatewayapi(calls):
    """Its tokens are JSON Web Tokens, which a library of a third party reads and makes."""
    import jwt

    read = [jwt.decode(item["token"], HOOK_SECRET, algorithms=["HS256"]) == item["claims"] for item in calls]
    return read, jwt.encode(calls[0]["claims"], HOOK_SECRET, algorithm="HS256")


def check_standard(calls):
    """Standard Webhooks: verdicts on calls, and a signature of its own."""
    from standardwebhooks import Webhook

    webhook, now, data = Webhook(calls[0]["secret"]), datetime.now(UTC), '{"id":"1","status":"delivered"}'
    made = webhook.sign("msg_1", now, data)
    stamp = str(int(now.timestamp()))
    headers = {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": made}
    webhook.verify(data, headers)
    return [], {"body": data, "headers": headers}


SENDING = {"twilio": twilio, "vonage": vonage, "infobip": infobip, "naxai": naxai, "bulksms": bulksms}
CHECKING = {
    "twilio": check_twilio,
    "vonage": check_vonage,
    "gatewayapi": check_gatewayapi,
    "standard": check_standard,
}


def refused(send, url):
    """What the library raises for a wrong secret."""
    try:
        return f"no error: {send(url, WRONG)}"
    except Exception as exc:  # noqa: BLE001 -- each library has its own
        return f"{type(exc).__name__}: {exc}"


def main(vendor, url):
    """Do all that there is for a vendor."""
    told = {}
    if vendor in SENDING:
        told |= {"ids": SENDING[vendor](url, SECRET), "refused": refused(SENDING[vendor], url)}
    if vendor in CHECKING:
        told["verdicts"], told["made"] = CHECKING[vendor](json.load(sys.stdin))
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
