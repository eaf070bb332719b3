# SPDX-License-Identifier: Apache-2.0
"""An HTTPS server on loopback that takes only clients with a certificate of the workstation's test CA."""

import contextlib
import hashlib
import html
import http.server
import json
import os
import socket
import ssl
import threading


# The icon is empty: a browser does not come again for one.
PAGE = """<!doctype html><link rel="icon" href="data:,"><title>{fingerprint}</title>{said}"""


class Answer(http.server.BaseHTTPRequestHandler):
    """Says which certificate came: who reads the answer and who asks the server must hear the same. A browser gets a page."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        fingerprint = hashlib.sha256(self.connection.getpeercert(binary_form=True)).hexdigest()
        self.server.fingerprints.append(fingerprint)
        page = "text/html" in self.headers.get("Accept", "")
        said = json.dumps({"client_certificate": fingerprint, "protocol": self.connection.version()})
        body = (PAGE.format(fingerprint=fingerprint, said=html.escape(said)) if page else said).encode()
        self.send_response_only(200)  # without a date
        self.send_header("Content-Type", "text/html" if page else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_):
        """Nothing: a scenario's output is its own."""


def hear_out(connection):
    """Says that all was said, and reads what the client still sends: a connection closed before would be reset, and could
    cost the client the answer."""
    connection.setblocking(False)
    with contextlib.suppress(OSError):
        connection.unwrap()  # sends the alert; the client's own is not waited for
    connection.setblocking(True)
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(4096):
        pass


class Server(http.server.ThreadingHTTPServer):
    """`fingerprints`: of the certificates that came, each proved by a signature in a finished handshake."""

    daemon_threads = True

    def __init__(self, context):
        super().__init__(("127.0.0.1", 0), Answer)
        self.context = context
        self.fingerprints = []
        self.refused = []
        self.port = self.server_address[1]

    def finish_request(self, request, client_address):
        # In the connection's own thread: a client that hangs in its handshake must not stop the others.
        try:
            with self.context.wrap_socket(request, server_side=True) as connection:
                super().finish_request(connection, client_address)
                hear_out(connection)
        except OSError as error:  # ssl.SSLError too: a client that has no certificate, or tries the port only
            self.refused.append(str(error))


class TlsServer:
    """Runs while the scenario does. `root`: the file with the CA that this server's own certificate is of."""

    def __init__(self, ws, version=None):
        self.root = make_server_certificate(ws)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ws.path("server.pem"), ws.path("server.key"))
        for name in ("root.pem", "intermediate.pem"):
            context.load_verify_locations(ws.path("ca/" + name))
        context.verify_mode = ssl.CERT_REQUIRED
        # A session that is resumed is a login without a signature.
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET
        if version:
            context.minimum_version = context.maximum_version = version
        self.server = Server(context)
        self.url = f"https://localhost:{self.server.port}/"
        self.port = self.server.port

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def fingerprints(self):
        return self.server.fingerprints


def make_server_certificate(ws):
    """A root of its own for the server (what a client trusts has nothing to do with who issues U-Keys), and its key."""
    root = ws.path("server-root.pem")
    if not os.path.exists(root):
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        ws.run("openssl", "req", "-x509", *key, "-keyout", ws.path("server-root.key"), "-out", root, "-days", "30",
               "-subj", "/CN=Scenario root", "-addext", "keyUsage=critical,keyCertSign")
        ws.run("openssl", "req", "-x509", *key, "-keyout", ws.path("server.key"), "-out", ws.path("server.pem"),
               "-CA", root, "-CAkey", ws.path("server-root.key"), "-days", "30", "-subj", "/CN=localhost",
               "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
               "-addext", "extendedKeyUsage=serverAuth")
    return root


def fingerprint_of(certificate_pem):
    """As the server gives it."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate_pem)).hexdigest()
