"""`python -m langchain_minimax.testing`: the emulated MiniMax in the foreground."""

import argparse
import logging
import signal
import threading

from langchain_minimax.testing import Emulator

_HELP = """\
The emulated MiniMax is listening. Stop it with Ctrl-C.

  base_url  {base_url}
  api_key   {api_key}
  OpenAI    {url}/v1

  curl {base_url}/v1/messages -H 'x-api-key: {api_key}' \\
    -d '{{"model": "MiniMax-M3", "messages": [{{"role": "user", "content": "Hello"}}]}}'
"""


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m langchain_minimax.testing", description=__doc__
    )
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one")
    parser.add_argument(
        "--host", default="127.0.0.1", help="loopback unless you say so"
    )
    parser.add_argument(
        "--api-key", default="sk-api-emulated", help="the key to accept"
    )
    parser.add_argument("--log", action="store_true", help="print a line per request")
    options = parser.parse_args()
    if options.log:
        logging.basicConfig(format="%(message)s")
        logging.getLogger("langchain_minimax.testing").setLevel(logging.DEBUG)

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    server = Emulator(api_key=options.api_key, host=options.host, port=options.port)
    try:
        server.start()
    except (OSError, OverflowError) as error:
        parser.exit(1, f"Cannot listen on port {options.port}: {error}\n")
    words = _HELP.format(
        base_url=server.base_url, url=server.url, api_key=server.api_key
    )
    print(words, flush=True)  # noqa: T201
    while not stop.wait(0.5):
        server.clear()
    server.stop()


if __name__ == "__main__":
    main()
