#!/usr/bin/env python3
"""keystone_token.py KEYSTONE_URL USER PASSWORD PROJECT: prints a token and the storage URL that
goes with it."""

import json
import sys
import urllib.request

URL, USER, PASSWORD, PROJECT = sys.argv[1:]
DEFAULT = {"name": "Default"}
identity = {"methods": ["password"], "password": {"user": {"name": USER, "domain": DEFAULT, "password": PASSWORD}}}
body = {"auth": {"identity": identity, "scope": {"project": {"name": PROJECT, "domain": DEFAULT}}}}
request = urllib.request.Request(URL + "/auth/tokens", json.dumps(body).encode(), {"Content-Type": "application/json"})
with urllib.request.urlopen(request) as answer:
    catalog = json.load(answer)["token"]["catalog"]
    token = answer.headers["X-Subject-Token"]
stores = [e["url"] for s in catalog if s["type"] == "object-store" for e in s["endpoints"] if e["interface"] == "public"]
print(token, stores[0])
