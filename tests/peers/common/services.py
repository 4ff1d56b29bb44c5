"""Services on loopback: a messenger that takes what is sent, and a model that stops half-way until it is told to go on."""

import http.server
import json
import queue
import select
import socket
import threading
import time

BOT = "1234:a-bot-token-of-this-test"
FIRST, SECOND = "the first half ", "and the second half"
PATIENCE = 60


class Services:
    """Runs until the block ends."""

    def __init__(self):
        self.sent = queue.Queue()
        self.go_on = threading.Event()
        self.given_up = threading.Event()
        self.ending = threading.Event()

    def __enter__(self):
        services = self

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """Somebody who has gone is no error: answers are given up here."""

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.do_POST()

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                if self.path.endswith("/chat/completions"):
                    services.complete(self)
                else:
                    answer(self, {"ok": True, "result": services.messenger(self.path.rsplit("/", 1)[-1], body)})

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.root = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.go_on.set()
        self.server.shutdown()

    def messenger(self, method, body):
        if method == "getMe":
            return {"id": 1234, "is_bot": True, "first_name": "Bot", "username": "peer_bot"}
        if method == "getUpdates":
            self.ending.wait(min(json.loads(body).get("timeout", 0), PATIENCE / 2))
            return []
        if method == "sendMessage":
            message = json.loads(body)
            self.sent.put(message)
            chat = {"id": int(message["chat_id"]), "type": "private", "first_name": "Ada"}
            return {"message_id": 7, "date": 1700000000, "chat": chat, "text": message["text"]}
        if method == "getWebhookInfo":
            return {"url": "", "has_custom_certificate": False, "pending_update_count": 0}
        return [] if method == "getMyCommands" else True

    def complete(self, request):
        self.go_on.clear()
        request.send_response(200)
        request.send_header("content-type", "text/event-stream")
        request.send_header("connection", "close")
        request.end_headers()
        say(request, {"role": "assistant", "content": FIRST})
        end = time.monotonic() + PATIENCE
        while not self.go_on.wait(0.05) and time.monotonic() < end:
            ready, _, _ = select.select([request.connection], [], [], 0)
            if ready and not request.connection.recv(1, socket.MSG_PEEK):
                # nobody wants the rest
                self.given_up.set()
                request.close_connection = True
                return
        say(request, {"content": SECOND})
        say(request, {}, "stop")
        request.wfile.write(b"data: [DONE]\n\n")
        request.close_connection = True

    def config(self):
        """The parts of a configuration that lead here: agent `slow` has the model, the messenger is a channel."""
        model = {"id": "m", "contextWindow": 100_000}
        provider = {"baseUrl": f"{self.root}/v1", "apiKey": "a-key", "api": "openai-completions", "models": [model]}
        return {
            "models": {"providers": {"slow": provider}},
            "agents": {
                "defaults": {"model": {"primary": "demo/echo"}},
                "list": [{"id": "main", "default": True}, {"id": "slow", "model": "slow/m"}],
            },
            "channels": {"telegram": {"apiRoot": self.root, "botToken": BOT, "dmPolicy": "open", "allowFrom": ["*"]}},
        }


def answer(request, value):
    text = json.dumps(value).encode()
    request.send_response(200)
    request.send_header("content-type", "application/json")
    request.send_header("content-length", str(len(text)))
    request.end_headers()
    request.wfile.write(text)


def say(request, delta, end=None):
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunk["choices"] = [{"index": 0, "delta": delta, "finish_reason": end}]
    request.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
    request.wfile.flush()
