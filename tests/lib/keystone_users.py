#!/usr/bin/env python3
"""keystone_users.py KEYSTONE_URL RGW_URL: the users, projects and the object store that
tests/lib/keystone.sh promises."""

import json
import sys
import urllib.request

URL, RGW = sys.argv[1:]
DEFAULT = {"name": "Default"}
token = None


def call(method, path, body=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["X-Auth-Token"] = token
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(URL + path, data, headers, method=method)) as answer:
        text = answer.read()
        return answer.headers, json.loads(text) if text else {}


def project(name):
    return call("POST", "/projects", {"project": {"name": name, "domain_id": "default"}})[1]["project"]["id"]


def user(name, password):
    return call("POST", "/users", {"user": {"name": name, "domain_id": "default", "password": password}})[1]["user"]["id"]


def grant(where, who, role):
    call("PUT", f"/projects/{where}/users/{who}/roles/{roles[role]}")


admin = {"user": {"name": "admin", "domain": DEFAULT, "password": "adminpw"}}
login = {"identity": {"methods": ["password"], "password": admin}, "scope": {"project": {"name": "admin", "domain": DEFAULT}}}
token = call("POST", "/auth/tokens", {"auth": login})[0]["X-Subject-Token"]
roles = {r["name"]: r["id"] for r in call("GET", "/roles")[1]["roles"]}

grant(project("service"), user("rgw", "rgwpw"), "admin")
first, second = project("project_2001234"), project("project_2005678")
tester = user("testuser", "testpw")
grant(first, tester, "member")
grant(second, tester, "member")
grant(first, user("norole", "norolepw"), "reader")

swift = call("POST", "/services", {"service": {"name": "swift", "type": "object-store"}})[1]["service"]["id"]
for interface in ("public", "internal", "admin"):
    url = RGW + "/swift/v1/AUTH_$(project_id)s"
    call("POST", "/endpoints", {"endpoint": {"interface": interface, "service_id": swift, "region_id": "regionOne", "url": url}})
