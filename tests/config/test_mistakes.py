"""Each mistake in a configuration with the exact message."""

from __future__ import annotations

from pathlib import Path

import pytest

from inditree import config
from inditree.errors import ConfigError

_MISTAKES = [
    # what is no YAML, or says too much
    ("drivers: [", "line 1, column 11: expected the node content, but found '<stream end>'"),
    ("a: b: c", "line 1, column 5: mapping values are not allowed here"),
    ("name: a\nname: b", "line 2, column 1: key 'name' given twice"),
    ("drivers:\n- exec: [x]\n  exec: [y]", "line 3, column 3: key 'exec' given twice"),
    ("name: a\n---\nname: b", "line 2, column 1: a second document begins (---): a configuration is one document"),
    ("1: x", "line 1, column 1: key 1 is not text"),
    ("- x", "expected keys and values, got a list"),
    ("just text", "expected keys and values, got 'just text'"),
    ("word " * 100, "expected keys and values, got '" + ("word " * 100)[:119] + "... (501 characters)"),
    # the top
    (
        "driver: []",
        "driver: unknown key; known here: name, listen, drivers, remotes, definitions, discovery, http, "
        "control, limits, log, audit, metrics, record, devices, interlocks, reactions, webmanager",
    ),
    ("name: 5", "name: expected text, got 5 (put it in quotes)"),
    ("name: on", "name: expected text, got true (put it in quotes)"),
    ("name: [x]", "name: expected text, got a list"),
    ("name: null", "name: expected text, got nothing"),
    ("name: a/b", "name: 'a/b' contains a slash or a control character"),
    ("definitions: both", "definitions: 'both' is not one of forwarded, view"),
    ("listen: []", "listen: is empty: at least one listener is needed"),
    ("listen: x", "listen: expected a list, got 'x'"),
    ("listen: {tcp: 'h:1'}", "listen: expected a list, got keys and values"),
    ("limits: [x]", "limits: expected keys and values, got a list"),
    ("log: {parts: {router: loud}}", "log.parts.router: 'loud' is not one of critical, debug, error, info, warning"),
    # other names
    ("remotes: [{host: h, rename: [x]}]", "remotes[0].rename: expected keys and values, got a list"),
    ("remotes: [{host: h, rename: {A: 5}}]", "remotes[0].rename.A: expected text, got 5 (put it in quotes)"),
    ("remotes: [{host: h, rename: {'[a': B}}]", "remotes[0].rename: '[a' is not a pattern (CCD*, Dome ?, [AB]*)"),
    ("remotes: [{host: h, rename: {A: ''}}]", "remotes[0].rename: 'A': the new name is empty"),
    (
        "remotes: [{host: h, rename: {A: X, B: X}}]",
        "remotes[0].rename: 'A' and 'B' both give the name 'X'",
    ),
    (
        "remotes: [{host: h, rename: {'*': X}}]",
        "remotes[0].rename: '*' fits many devices, and 'X' names one: it needs a *",
    ),
    (
        "drivers: [{exec: [x], rename: {A: 'B *'}}]",
        "drivers[0].rename: 'B *' has a *, but 'A' has none",
    ),
    (
        "drivers: [{exec: [x], rename: {'*A*': 'B *'}}]",
        "drivers[0].rename: '*A*': has more than one *",
    ),
    # listeners
    ("listen: [{}]", "listen[0]: needs tcp or unix"),
    ("listen: [{tcp: 'h:1', unix: /x}]", "listen[0]: has both tcp and unix"),
    ("listen: [{tcp: 7624}]", "listen[0].tcp: expected text, got 7624 (put it in quotes)"),
    ("listen: [{tcp: h}]", "listen[0].tcp: 'h' has no port (host:port, [::1]:port)"),
    (
        "listen: [{tcp: '7624'}]",
        "listen[0].tcp: '7624' has no host (localhost:7624, or *:7624 for all addresses)",
    ),
    ("listen: [{tcp: 'h:99999'}]", "listen[0].tcp: '99999' is not a port (0 to 65535)"),
    ("listen: [{tcp: 'h i:1'}]", "listen[0].tcp: 'h i' is not a host"),
    ("listen: [{unix: relative}]", "listen[0].unix: 'relative' is neither an absolute path nor an @name"),
    ("listen: [{unix: '@'}]", "listen[0].unix: '@' is neither an absolute path nor an @name"),
    (f"listen: [{{unix: /{'x' * 107}}}]", "listen[0].unix: longer than 107 bytes"),
    ("listen: [{unix: /x, allow: [10.0.0.0/8]}]", "listen[0].allow: only for tcp"),
    ("listen: [{unix: /x, tls: {cert: c, key: k}}]", "listen[0].tls: only for tcp"),
    ("listen: [{unix: /x, web: true}]", "listen[0].web: only for tcp"),
    ("listen: [{unix: /x, origins: [pier]}]", "listen[0].origins: only for tcp"),
    ("listen: [{tcp: 'h:1', web: 5}]", "listen[0].web: expected true or false, got 5"),
    (
        "listen: [{tcp: 'h:1', origins: ['*.example']}]",
        "listen[0].origins[0]: '*.example' is neither a host name nor an origin (https://HOST or https://HOST:PORT)",
    ),
    (
        "listen: [{tcp: 'h:1', origins: ['https://pier/']}]",
        "listen[0].origins[0]: 'https://pier/' is neither a host name nor an origin (https://HOST or https://HOST:PORT)",
    ),
    ("listen: [{unix: '@x', mode: '0600'}]", "listen[0].mode: only for a unix path: an abstract socket has none"),
    ("listen: [{tcp: 'h:1', mode: '0600'}]", "listen[0].mode: only for a unix path"),
    ("listen: [{tcp: 'h:1', owner: indi}]", "listen[0].owner: only for a unix path"),
    ("listen: [{unix: /x, mode: 0660}]", 'listen[0].mode: expected an octal number in quotes ("0660"), got 432'),
    ("listen: [{unix: /x, mode: '0980'}]", "listen[0].mode: '0980' is not an octal number (\"0660\")"),
    ("listen: [{unix: /x, owner: 'a:b:c'}]", "listen[0].owner: 'a:b:c' is not user, user:group or :group"),
    ("listen: [{tcp: 'h:1', name: \"a\\tb\"}]", "listen[0].name: 'a\\tb' contains a control character"),
    ("listen: [{tcp: 'h:1', max_connections: 0}]", "listen[0].max_connections: 0 is less than 1"),
    ("listen: [{tcp: 'h:1', max_connections: many}]", "listen[0].max_connections: expected a whole number, got 'many'"),
    ("listen: [{tcp: 'h:1', max_connections: true}]", "listen[0].max_connections: expected a whole number, got true"),
    ("listen: [{tcp: 'h:1', access: full}]", "listen[0].access: 'full' is not one of control, read-only"),
    ("listen: [{tcp: 'h:1', allow: ['10.0.0.1/8']}]", "listen[0].allow[0]: '10.0.0.1/8' has host bits set"),
    (
        "listen: [{tcp: 'h:1', allow: [10.0.0.0/8, lan]}]",
        "listen[0].allow[1]: 'lan' is not a network (10.0.0.0/8, fd00::/8)",
    ),
    ("listen: [{tcp: 'h:1', devices: ['']}]", "listen[0].devices[0]: '' is not a pattern (CCD*, Dome ?, [AB]*)"),
    (
        "listen: [{tcp: 'h:1', devices: [CCD, '[A']}]",
        "listen[0].devices[1]: '[A' is not a pattern (CCD*, Dome ?, [AB]*)",
    ),
    ("listen: [{tcp: 'h:1', devices: CCD}]", "listen[0].devices: expected a list, got 'CCD'"),
    (
        "listen: [{tcp: 'h:1', rules: [{subject: x}]}]",
        "listen[0].rules: need tls.client_ca: they go by the client's certificate",
    ),
    (
        "listen: [{tcp: 'h:1', tls: {cert: c, key: k, client_ca: a}, rules: [{}]}]",
        "listen[0].rules[0]: subject is missing",
    ),
    (
        "listen: [{tcp: 'h:1', tls: {cert: c, key: k, client_ca: a}, rules: [{subject: ''}]}]",
        "listen[0].rules[0].subject: '' is not a pattern (CCD*, Dome ?, [AB]*)",
    ),
    ("listen: [{tcp: 'h:1', delivery: fast}]", "listen[0].delivery: 'fast' is not one of lossless, paced"),
    ("listen: [{tcp: 'h:1', peers: true}]", "listen[0].peers: true is not one of any, links, none"),
    ("listen: [{tcp: 'h:1', tls: {cert: c}}]", "listen[0].tls: key is missing"),
    ("listen: [{tcp: 'h:1'}, {tcp: 'h:1'}]", "listen[1].tcp: the same address as listen[0].tcp"),
    ("listen: [{tcp: '*:1'}, {tcp: ':1'}]", "listen[1].tcp: the same address as listen[0].tcp"),
    ("listen: [{unix: '@x'}, {unix: '@x'}]", "listen[1].unix: the same address as listen[0].unix"),
    ("listen: [{tcp: '127.0.0.1:9724'}]", "http.listen: the same address as listen[0].tcp"),
    (
        "listen: [{tcp: 'h:1', name: a}, {tcp: 'h:2', name: a}]",
        "listen[1].name: 'a' is the name of listen[0] already",
    ),
    # drivers
    ("drivers: [{name: x}]", "drivers[0]: needs exec or python"),
    ("drivers: [{exec: [x]}, {exec: [x], python: 'a:b'}]", "drivers[1]: has both exec and python"),
    ("drivers: [indi_simulator_ccd]", "drivers[0]: expected keys and values, got 'indi_simulator_ccd'"),
    ("drivers: [{exec: indi_simulator_ccd}]", "drivers[0].exec: expected a list, got 'indi_simulator_ccd'"),
    ("drivers: [{exec: []}]", "drivers[0].exec: names no program"),
    ("drivers: [{exec: ['']}]", "drivers[0].exec: names no program"),
    ("drivers: [{exec: [sleep, 5]}]", "drivers[0].exec[1]: expected text, got 5 (put it in quotes)"),
    ('drivers: [{exec: ["a\\0b"]}]', "drivers[0].exec[0]: contains a NUL"),
    ("drivers: [{python: a.b}]", "drivers[0].python: 'a.b' is not pkg.module:callable"),
    ("drivers: [{python: 'a/b:c'}]", "drivers[0].python: 'a/b:c' is not pkg.module:callable"),
    ("drivers: [{python: 'a:b()'}]", "drivers[0].python: 'a:b()' is not pkg.module:callable"),
    (
        "drivers: [{python: 'a:b', env: {A: b}}]",
        "drivers[0].env: only with exec: a factory runs in the router's own process",
    ),
    (
        "drivers: [{python: 'a:b', cwd: /x}]",
        "drivers[0].cwd: only with exec: a factory runs in the router's own process",
    ),
    ("drivers: [{exec: [x], env: {PORT: 5}}]", "drivers[0].env.PORT: expected text, got 5 (put it in quotes)"),
    ("drivers: [{exec: [x], env: {A=B: c}}]", "drivers[0].env: 'A=B' is not the name of a variable"),
    ("drivers: [{exec: [x], env: [A]}]", "drivers[0].env: expected keys and values, got a list"),
    (
        "drivers: [{exec: [x], name: ccd}, {exec: [y], name: ccd}]",
        "drivers[1].name: 'ccd' is the name of drivers[0] already",
    ),
    ("drivers: [{exec: [x], name: 'a/b'}]", "drivers[0].name: 'a/b' contains a slash or a control character"),
    (
        "drivers: [{exec: [x], stderr_level: loud}]",
        "drivers[0].stderr_level: 'loud' is not one of critical, debug, error, info, warning",
    ),
    (
        "drivers: [{exec: [x]}, {exec: [y], restart: always}]",
        "drivers[1].restart: expected keys and values, got 'always'",
    ),
    (
        "drivers: [{exec: [x]}, {exec: [y], restart: {policy: sometimes}}]",
        "drivers[1].restart.policy: 'sometimes' is not one of always, never, on-failure",
    ),
    (
        "drivers: [{exec: [x], restart: {retries: 3}}]",
        "drivers[0].restart.retries: unknown key; known here: policy, backoff, backoff_max, reset_after, max_restarts",
    ),
    (
        "drivers: [{exec: [x], restart: {backoff: 1}}]",
        "drivers[0].restart.backoff: expected a duration (500ms, 10s, 5m, 1h, 14d), got 1",
    ),
    (
        "drivers: [{exec: [x], restart: {backoff: '1'}}]",
        "drivers[0].restart.backoff: '1' is not a duration (500ms, 10s, 5m, 1h, 14d)",
    ),
    ("drivers: [{exec: [x], restart: {backoff: 0s}}]", "drivers[0].restart.backoff: '0s' is too small"),
    (
        "drivers: [{exec: [x], restart: {backoff: 2m}}]",
        "drivers[0].restart.backoff_max: is less than backoff",
    ),
    ("drivers: [{exec: [x], restart: {max_restarts: -1}}]", "drivers[0].restart.max_restarts: -1 is less than 0"),
    (
        "drivers: [{exec: [x], stop_grace: soon}]",
        "drivers[0].stop_grace: 'soon' is not a duration (500ms, 10s, 5m, 1h, 14d)",
    ),
    ("drivers: [{exec: [x], required: 'yes'}]", "drivers[0].required: expected true or false, got 'yes'"),
    # remotes
    ("remotes: [{}]", "remotes[0]: host is missing"),
    ("remotes: [dome-b]", "remotes[0]: expected keys and values, got 'dome-b'"),
    ("remotes: [{host: ''}]", "remotes[0].host: '' is not a host"),
    ("remotes: [{host: 'a b'}]", "remotes[0].host: 'a b' is not a host"),
    ("remotes: [{host: 'h:x'}]", "remotes[0].host: 'x' is not a port (1 to 65535)"),
    ("remotes: [{host: 'h:0'}]", "remotes[0].host: '0' is not a port (1 to 65535)"),
    ("remotes: [{host: '[::1'}]", "remotes[0].host: '[::1' is not an address (host:port, [::1]:port)"),
    ("remotes: [{host: 'h:1', port: 2}]", "remotes[0].port: is already given in host"),
    ("remotes: [{host: h, port: 0}]", "remotes[0].port: 0 is less than 1"),
    ("remotes: [{host: h, port: 65536}]", "remotes[0].port: 65536 is more than 65535"),
    ("remotes: [{host: h, port: '7624'}]", "remotes[0].port: expected a whole number, got '7624'"),
    ("remotes: [{host: h, device: ''}]", "remotes[0].device: is empty; leave the key out to take all devices"),
    ("remotes: [{host: h, devices: ['[']}]", "remotes[0].devices[0]: '[' is not a pattern (CCD*, Dome ?, [AB]*)"),
    ("remotes: [{host: h, share: up}]", "remotes[0].share: 'up' is not one of both, down"),
    ("remotes: [{host: h, tls: {cert: c}}]", "remotes[0].tls: cert and key belong together"),
    ("remotes: [{host: h}, {host: h}]", "remotes[1].name: 'h:7624' is the name of remotes[0] already"),
    ("remotes: [{host: h, name: x}, {host: i, name: x}]", "remotes[1].name: 'x' is the name of remotes[0] already"),
    # the rest
    ("discovery: {docker: {label: ''}}", "discovery.docker.label: is empty"),
    ("discovery: {docker: true}", "discovery.docker: expected keys and values, got true"),
    ("discovery: {dns: [{name: 'a b'}]}", "discovery.dns[0].name: 'a b' is not a host"),
    ("discovery: {dns: [{}]}", "discovery.dns[0]: name is missing"),
    ("http: {listen: localhost}", "http.listen: 'localhost' has no port (host:port, [::1]:port)"),
    ("http: {devices: ['']}", "http.devices[0]: '' is not a pattern (CCD*, Dome ?, [AB]*)"),
    ("http: {devices: ['[x']}", "http.devices[0]: '[x' is not a pattern (CCD*, Dome ?, [AB]*)"),
    ("http: {devices: CCD}", "http.devices: expected a list, got 'CCD'"),
    ("control: {sockt: /run/x}", "control.sockt: unknown key; known here: socket"),
    ("control: {socket: x.sock}", "control.socket: 'x.sock' is not an absolute path (and neither default nor off)"),
    ("control: {socket: '@x'}", "control.socket: '@x' is not an absolute path (and neither default nor off)"),
    ("control: {socket: /run/}", "control.socket: '/run/' is not an absolute path (and neither default nor off)"),
    ("control: {socket: ''}", "control.socket: '' is not an absolute path (and neither default nor off)"),
    (f"control: {{socket: /{'x' * 107}}}", "control.socket: longer than 107 bytes"),
    ("control: {socket: 5}", "control.socket: expected text, got 5 (put it in quotes)"),
    ("control: {socket: on}", "control.socket: expected text, got true (put it in quotes)"),
    (
        "{listen: [{unix: /run/x}], control: {socket: /run/x}}",
        "control.socket: the same address as listen[0].unix",
    ),
    ("http: {listen: 9724}", "http.listen: expected text, got 9724 (put it in quotes)"),
    ("http: {listen: '9625'}", "http.listen: '9625' has no host (localhost:9625, or *:9625 for all addresses)"),
    ("http: true", "http: expected keys and values, got true"),
    ("http: 'no'", "http: expected keys and values, got 'no'"),
    ("http: {hosts: ['router:80']}", "http.hosts[0]: 'router:80' is not a host name alone"),
    ("limits: {blob: 1}", "limits.blob: expected a size (512B, 64KiB, 1MiB, 1GiB), got 1"),
    ("limits: {blob: 1MB}", "limits.blob: '1MB' is not a size (512B, 64KiB, 1MiB, 1GiB)"),
    ("limits: {queue: 0B}", "limits.queue: '0B' is too small"),
    ("limits: {queue: null}", "limits.queue: expected a size (512B, 64KiB, 1MiB, 1GiB), got nothing"),
    ("limits: {stall_timeout: 10}", "limits.stall_timeout: expected a duration (500ms, 10s, 5m, 1h, 14d), got 10"),
    ("limits: {link_hold: 5}", "limits.link_hold: expected a duration (500ms, 10s, 5m, 1h, 14d), got 5"),
    ("limits: {link_hold: -1s}", "limits.link_hold: '-1s' is not a duration (500ms, 10s, 5m, 1h, 14d)"),
    ("limits: {link_hold: null}", "limits.link_hold: expected a duration (500ms, 10s, 5m, 1h, 14d), got nothing"),
    ("limits: {elements_per_second: 0}", "limits.elements_per_second: 0.0 is not more than 0"),
    ("limits: {elements_per_second: .nan}", "limits.elements_per_second: nan is not more than 0"),
    ("limits: {connections_per_address: 0}", "limits.connections_per_address: 0 is less than 1"),
    ("log: {level: INFO}", "log.level: 'INFO' is not one of critical, debug, error, info, warning"),
    ("log: {format: xml}", "log.format: 'xml' is not one of json, text"),
    ("audit: {file: 1}", "audit.file: expected text, got 1 (put it in quotes)"),
    ("metrics: {properties: [CCD]}", "metrics.properties[0]: 'CCD' is not DEVICE.PROPERTY.MEMBER"),
    ("metrics: {properties: ['A..B']}", "metrics.properties[0]: 'A..B' is not DEVICE.PROPERTY.MEMBER"),
    # devices
    ("devices: {a: b}", "devices: expected a list, got keys and values"),
    ("devices: [{connect: true}]", "devices[0]: device is missing"),
    ("devices: [{device: ''}]", "devices[0].device: '' is not a pattern (CCD*, Dome ?, [AB]*)"),
    ("devices: [{device: Cam, connect: 'On'}]", "devices[0].connect: expected true or false, got 'On'"),
    ("devices: [{device: Cam, set: [A.B]}]", "devices[0].set: expected keys and values, got a list"),
    ("devices: [{device: Cam, set: {A: 1}}]", "devices[0].set: 'A' is not PROPERTY.MEMBER"),
    ("devices: [{device: Cam, set: {A.B.C: 1}}]", "devices[0].set: 'A.B.C' is not PROPERTY.MEMBER"),
    ("devices: [{device: Cam, set: {'\"A.B': 1}}]", "devices[0].set: '\"A.B': no closing \""),
    ("devices: [{device: Cam, set: {A.B: }}]", "devices[0].set.A.B: expected text, got nothing"),
    # reactions
    ("reactions: [{when: '1', do: [{set: A.B.C=1}]}]", "reactions[0]: name is missing"),
    ("reactions: [{name: a, do: [{set: A.B.C=1}]}]", "reactions[0]: when is missing"),
    ("reactions: [{name: a, when: '1'}]", "reactions[0]: do is missing"),
    ("reactions: [{name: a, when: '1', do: []}]", "reactions[0].do: is empty: the reaction would do nothing"),
    ("reactions: [{name: a, when: '1', do: [{wait: 5s}]}]", "reactions[0].do[0]: set is missing"),
    (
        "reactions: [{name: a, when: '1', do: [{set: A.B.C}]}]",
        "reactions[0].do[0].set: 'A.B.C' is not DEVICE.PROPERTY.MEMBER=VALUE",
    ),
    ("reactions: [{name: a, when: '1', do: [{set: A.B.C=1, wait: 0s}]}]", "reactions[0].do[0].wait: '0s' is too small"),
    (
        "reactions: [{name: a, when: '1', do: [{set: A.B.C=1, on_failure: retry}]}]",
        "reactions[0].do[0].on_failure: 'retry' is not one of continue, stop",
    ),
    (
        "reactions: [{name: a, when: '(1', do: [{set: A.B.C=1}]}]",
        "reactions[0].when: ) expected to close the parenthesis (column 3)",
    ),
    (
        "reactions: [{name: a, when: '1', for: 5, do: [{set: A.B.C=1}]}]",
        "reactions[0].for: expected a duration (500ms, 10s, 5m, 1h, 14d), got 5",
    ),
    (
        "reactions: [{name: a, when: '1', hold: 5s, do: [{set: A.B.C=1}]}]",
        "reactions[0].hold: unknown key; known here: name, when, for, unknown, start_grace, do",
    ),
    (
        "reactions: [{name: a, when: '1', do: [{set: A.B.C=1}]}, {name: a, when: '1', do: [{set: A.B.C=1}]}]",
        "reactions[1].name: 'a' is the name of reactions[0] already",
    ),
    # interlocks
    ("interlocks: {a: b}", "interlocks: expected a list, got keys and values"),
    ("interlocks: [{refuse: [A.B.C], unless: '1'}]", "interlocks[0]: name is missing"),
    ("interlocks: [{name: a, unless: '1'}]", "interlocks[0]: refuse is missing"),
    ("interlocks: [{name: a, refuse: [A.B.C]}]", "interlocks[0]: unless is missing"),
    ("interlocks: [{name: '', refuse: [A.B.C], unless: '1'}]", "interlocks[0].name: is empty"),
    (
        "interlocks: [{name: a/b, refuse: [A.B.C], unless: '1'}]",
        "interlocks[0].name: 'a/b' contains a slash or a control character",
    ),
    (
        "interlocks: [{name: a, refuse: [A.B.C], unless: '1'}, {name: a, refuse: [A.B.C], unless: '1'}]",
        "interlocks[1].name: 'a' is the name of interlocks[0] already",
    ),
    (
        "interlocks: [{name: a, refuse: [], unless: '1'}]",
        "interlocks[0].refuse: is empty: the interlock would refuse nothing",
    ),
    (
        "interlocks: [{name: a, refuse: A.B.C, unless: '1'}]",
        "interlocks[0].refuse: expected a list, got 'A.B.C'",
    ),
    (
        "interlocks: [{name: a, refuse: [A.B.C, Dome], unless: '1'}]",
        "interlocks[0].refuse[1]: 'Dome' is not DEVICE.PROPERTY.MEMBER (column 1)",
    ),
    (
        "interlocks: [{name: a, refuse: ['A.B.C<cold'], unless: '1'}]",
        "interlocks[0].refuse[0]: 'cold' is not a number (column 7)",
    ),
    (
        "interlocks: [{name: a, refuse: [A.B.C], unless: '\"A.B.C\" = 1'}]",
        "interlocks[0].unless: = alone is not an operator (column 9)",
    ),
    (
        "interlocks: [{name: a, refuse: [A.B.C], unless: A.B.C}]",
        'interlocks[0].unless: A is no function; a property\'s value is written "Device.PROPERTY.MEMBER" (column 1)',
    ),
    (
        "interlocks: [{name: a, refuse: [A.B.C], unless: true}]",
        "interlocks[0].unless: expected text, got true (put it in quotes)",
    ),
    ("interlocks: [{name: a, refuse: [A.B.C], unless: '1', max_age: 0s}]", "interlocks[0].max_age: '0s' is too small"),
    (
        "interlocks: [{name: a, refuse: [A.B.C], unless: '1', max_age: 60}]",
        "interlocks[0].max_age: expected a duration (500ms, 10s, 5m, 1h, 14d), got 60",
    ),
    ("metrics: {properties: ['A.B.[']}", "metrics.properties[0]: 'A.B.[' is not a pattern (CCD*, Dome ?, [AB]*)"),
    # Ekos' Web Manager
    ("webmanager: {}", "webmanager: drivers is missing"),
    ("webmanager: on", "webmanager: expected keys and values, got true"),
    (
        "webmanager: {drivers: ['*'], port: 8624}",
        "webmanager.port: unknown key; known here: drivers, listen, allow, origins, data",
    ),
    ("webmanager: {drivers: indi_*}", "webmanager.drivers: expected a list, got 'indi_*'"),
    (
        "webmanager: {drivers: []}",
        "webmanager.drivers: is empty: patterns of labels or programs (indi_*, CCD Simulator)",
    ),
    ("webmanager: {drivers: ['[indi']}", "webmanager.drivers[0]: '[indi' is not a pattern (CCD*, Dome ?, [AB]*)"),
    (
        "webmanager: {drivers: ['*'], listen: 8624}",
        "webmanager.listen: expected text, got 8624 (put it in quotes)",
    ),
    ("webmanager: {drivers: ['*'], listen: pi}", "webmanager.listen: 'pi' has no port (host:port, [::1]:port)"),
    (
        "webmanager: {drivers: ['*'], allow: []}",
        "webmanager.allow: is empty: nobody could connect; listen: off switches it off",
    ),
    (
        "webmanager: {drivers: ['*'], allow: [lan]}",
        "webmanager.allow[0]: 'lan' is not a network (10.0.0.0/8, fd00::/8)",
    ),
    (
        "webmanager: {drivers: ['*'], origins: ['*.example']}",
        "webmanager.origins[0]: '*.example' is neither a host name nor an origin (https://HOST or https://HOST:PORT)",
    ),
    ("webmanager: {drivers: ['*'], data: ''}", "webmanager.data: is empty"),
    (
        "listen: [{tcp: '0.0.0.0:8624'}]\nwebmanager: {drivers: ['*']}",
        "webmanager.listen: the same address as listen[0].tcp",
    ),
    ("drivers: [{exec: [x], label: ''}]", "drivers[0].label: '' is empty or contains a control character"),
    ('drivers: [{exec: [x], label: "a\\nb"}]', "drivers[0].label: 'a\\nb' is empty or contains a control character"),
]


@pytest.mark.parametrize(("text", "message"), _MISTAKES)
def test_a_mistake_and_its_message(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(text)
    assert str(caught.value) == message


def test_a_tag_of_python_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        config.load("name: !!python/name:os.system")
    assert str(caught.value) == (
        "line 1, column 7: could not determine a constructor for the tag 'tag:yaml.org,2002:python/name:os.system'"
    )


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config.read(f"{tmp_path}/no.yaml")
    assert str(caught.value) == f"{tmp_path}/no.yaml: cannot be read: No such file or directory"
    assert caught.value.path == f"{tmp_path}/no.yaml"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: \xff", "is not UTF-8"),
        (b"x" * ((1 << 20) + 1), "is larger than 1MiB"),
        (b"a: b: c", "line 1, column 5: mapping values are not allowed here"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        config.read(str(file))
    assert str(caught.value) == f"{file}: {message}"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"exec": ["x"], "restart": {"policy": "no"}}, "restart.policy: 'no' is not one of always, never, on-failure"),
        ({}, "needs exec or python"),
        ({"exec": ["x"], "env": {"": "y"}}, "env: '' is not the name of a variable"),
        ({"exec": ["x"], "name": "a/b"}, "name: 'a/b' contains a slash or a control character"),
        ([], "expected keys and values, got a list"),
        (None, "expected keys and values, got nothing"),
    ],
)
def test_a_mistake_in_an_entry_of_the_api(entry: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.driver(entry)
    assert str(caught.value) == message
