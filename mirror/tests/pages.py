"""What a browser would send from an admin page, and what it says there."""

from html.parser import HTMLParser

from django.contrib.messages import get_messages


class Form(HTMLParser):
    """The fields of the page's own form, with the values they show."""

    def __init__(self):
        super().__init__()
        self.inside, self.select, self.text = False, "", ""
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag, attributes):
        attrs = dict(attributes)
        if tag == "form":
            self.inside = (attrs.get("id") or "").endswith("_form")
        if not self.inside:
            return
        name = attrs.get("name") or ""
        if tag == "select":
            self.select = name
        elif tag == "option" and "selected" in attrs:
            self.values[self.select] = attrs.get("value") or ""
        elif tag == "textarea":
            self.text = name
            self.values[name] = ""
        elif tag == "input" and attrs.get("type") in ("checkbox", "radio"):
            if "checked" in attrs:
                self.values[name] = attrs.get("value") or "on"
        elif tag == "input" and attrs.get("type") != "submit":
            self.values[name] = attrs.get("value") or ""

    def handle_endtag(self, tag):
        if tag == "form":
            self.inside = False
        elif tag == "textarea":
            self.text = ""

    def handle_data(self, data):
        if self.inside and self.text:
            self.values[self.text] += data.removeprefix("\n")


def shown(response) -> dict[str, str]:
    """What the browser sends when the form of a page is saved as it is."""
    form = Form()
    form.feed(response.content.decode())
    return form.values


def told(response) -> str:
    """The messages on a page."""
    return "\n".join(str(message) for message in get_messages(response.wsgi_request))
