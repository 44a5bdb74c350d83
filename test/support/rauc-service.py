#!/usr/bin/env python3
"""RAUC as seen on D-Bus (de.pengutronix.rauc), for tests: reads what it is told to install, and says how that went.

usage: rauc-service.py RESULT SECONDS
  RESULT   what Completed tells: 0 for success
  SECONDS  how long an installation takes

Prints one JSON object a line: {"ready": true}, then for each installation its source, SHA-256, and the names of what it was given.
"""

import hashlib
import json
import ssl
import sys
import threading
import time
import urllib.request

from gi.repository import Gio, GLib

NAME = "de.pengutronix.rauc.Installer"
INTERFACE = f"""<node><interface name="{NAME}">
  <method name="InstallBundle">
    <arg name="source" type="s" direction="in"/><arg name="args" type="a{{sv}}" direction="in"/>
  </method>
  <property name="Operation" type="s" access="read"/>
  <property name="LastError" type="s" access="read"/>
  <property name="Progress" type="(isi)" access="read"/>
  <signal name="Completed"><arg name="result" type="i"/></signal>
</interface></node>"""
# As RAUC streams: pieces of the size of squashfs's blocks.
PIECE = 128 * 1024
STEPS = ("Checking bundle", "Checking bundle done.", "Copying image", "Copying image done.", "Updating slots done.")


def say(**facts):
    print(json.dumps(facts), flush=True)


def tls_of(args):
    context = ssl.create_default_context()
    if args.get("tls-no-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if "tls-cert" in args:
        context.load_cert_chain(args["tls-cert"], args["tls-key"])
    return context


def streamed(url, args):
    headers = dict(line.split(": ", 1) for line in args.get("http-headers", []))
    context = tls_of(args) if url.startswith("https:") else None
    offset, total = 0, None
    while total is None or offset < total:
        asked = {**headers, "Range": f"bytes={offset}-{offset + PIECE - 1}"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=asked), context=context) as answer:
            if answer.status != 206:
                raise OSError(f"no range was served, but {answer.status}")
            total = int(answer.headers["Content-Range"].rsplit("/", 1)[1])
            part = answer.read()
            yield part
        offset += len(part)


def pieces(source, args):
    if source.startswith(("http:", "https:")):
        yield from streamed(source, args)
        return
    with open(source, "rb") as bundle:
        while part := bundle.read(PIECE):
            yield part


class Service:
    def __init__(self, result, seconds):
        self.result = result
        self.seconds = seconds
        self.state = {
            "Operation": GLib.Variant("s", "idle"),
            "LastError": GLib.Variant("s", ""),
            "Progress": GLib.Variant("(isi)", (0, "", 1)),
        }
        self.bus = None

    def publish(self, bus, _name):
        self.bus = bus
        info = Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces[0]
        bus.register_object("/", info, self.called, lambda *words: self.state[words[4]], None)

    def called(self, _bus, _sender, _path, _interface, _method, parameters, invocation):
        source, args = parameters.unpack()
        invocation.return_value(None)
        threading.Thread(target=self.install, args=(source, args), daemon=True).start()

    def install(self, source, args):
        self.put("Operation", GLib.Variant("s", "installing"))
        result = self.result
        try:
            digest = hashlib.sha256()
            for part in pieces(source, args):
                digest.update(part)
            say(source=source, sha256=digest.hexdigest(), args=sorted(args))
            for index, step in enumerate(STEPS, 1):
                self.put("Progress", GLib.Variant("(isi)", (100 * index // len(STEPS), step, 1)))
                time.sleep(self.seconds / len(STEPS))
        except OSError as fault:
            say(source=source, fault=str(fault), args=sorted(args))
            result = 1
        if result != 0:
            self.put("LastError", GLib.Variant("s", "Installation error: as told"))
        self.signal(NAME, "Completed", GLib.Variant("(i)", (result,)))
        self.put("Operation", GLib.Variant("s", "idle"))

    def put(self, key, value):
        self.state[key] = value
        changed = GLib.Variant("(sa{sv}as)", (NAME, {key: value}, []))
        self.signal("org.freedesktop.DBus.Properties", "PropertiesChanged", changed)

    def signal(self, interface, name, parameters):
        self.bus.emit_signal(None, "/", interface, name, parameters)


def main():
    service = Service(int(sys.argv[1]), float(sys.argv[2]))
    Gio.bus_own_name(
        Gio.BusType.SESSION,
        "de.pengutronix.rauc",
        Gio.BusNameOwnerFlags.NONE,
        service.publish,
        lambda *_: say(ready=True),
        lambda *_: sys.exit("the name is taken, or there is no bus"),
    )
    GLib.MainLoop().run()


main()
