"""What a watcher in Python does, by the real aw-client: run by scripts/aw-clients as `PORT BASE STEP`."""

import sys
import time
from datetime import datetime, timedelta, timezone

from aw_client import ActivityWatchClient
from aw_core.models import Event

WINDOW, AFK, WEB = "aw-watcher-window_here", "aw-watcher-afk_here", "aw-watcher-web-firefox_here"
WITHIN_SECS = 60


def main():
    port, base, step = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    STEPS[step](ActivityWatchClient("aw-clients-test", host="127.0.0.1", port=port), base)


def event(base, second, data, duration=0):
    at = datetime.fromtimestamp(base + second, timezone.utc)
    return Event(timestamp=at, duration=timedelta(seconds=duration), data=data)


def create(client):
    for bucket, kind in ((WINDOW, "currentwindow"), (AFK, "afkstatus"), (WEB, "web.tab.current")):
        client.create_bucket(bucket, kind)
        client.create_bucket(bucket, kind)


def presence(client, base, seconds):
    for second in range(0, seconds + 1, 5):
        client.heartbeat(AFK, event(base, second, {"status": "not-afk"}), pulsetime=185)


def tab(url, incognito=False):
    return {"url": url, "title": "a title", "audible": False, "incognito": incognito, "tabCount": 1}


def online(client, base):
    """Half a minute in an editor, half a minute in a browser with two tabs and a private one."""
    assert client.get_info()["testing"] is False
    create(client)
    presence(client, base, 60)
    for second in range(60):
        app = "Editor" if second < 30 else "firefox"
        client.heartbeat(WINDOW, event(base, second, {"app": app, "title": f"title {second // 7}"}), pulsetime=2)
    shown = [(30, tab("https://a.example/x?y=z")), (40, tab("https://www.b.example/")), (50, tab("https://c.example/", True))]
    for index, (second, data) in enumerate(shown):
        client.heartbeat(WEB, event(base, second, data), pulsetime=80)
        until = shown[index + 1][0] if index + 1 < len(shown) else 60
        # As the extension does: the state before, once more, a millisecond before it changes.
        client.heartbeat(WEB, event(base, until - 0.001, data), pulsetime=80)
    assert set(client.get_buckets()) >= {WINDOW, AFK, WEB}
    assert len(client.get_events(WEB)) == 3
    newest, before = client.get_events(WEB, limit=2)
    # The agent keeps the address on this machine, the server its host.
    assert before.data["url"] in ("https://www.b.example/", "https://b.example/"), before
    # Nothing of a private tab is kept but that there was one.
    assert newest.data == {"incognito": True}
    assert client.get_eventcount(AFK) == 1
    first = client.get_events(AFK)[0]
    assert client.get_event(AFK, first.id).duration == timedelta(seconds=60)


def rest(client, base):
    """What only scripts and exports use, on buckets that are joined to nothing."""
    client.create_bucket("notes", "test.notes")
    client.insert_event("notes", event(base, 0, {"note": "one"}, 5))
    client.insert_events("notes", [event(base, second, {"note": "many"}, 1) for second in (10, 20)])
    found = client.get_events("notes", start=datetime.fromtimestamp(base + 8, timezone.utc), end=datetime.fromtimestamp(base + 12, timezone.utc))
    assert [e.data["note"] for e in found] == ["many"], found
    changed = client.get_events("notes")[-1]
    changed.data = {"note": "changed"}
    client.insert_event("notes", changed)
    assert sorted(e.data["note"] for e in client.get_events("notes")) == ["changed", "many", "many"]
    client.delete_event("notes", found[0].id)
    assert client.get_eventcount("notes") == 2
    exported = client.export_bucket("notes")
    assert set(client.export_all()["buckets"]) >= {"notes"}
    client.import_bucket(exported["buckets"]["notes"])
    assert client.get_eventcount("notes") == 2
    client.delete_bucket("notes", force=True)
    client.import_bucket(exported["buckets"]["notes"])
    assert client.get_eventcount("notes") == 2
    client.delete_bucket("notes", force=True)
    assert "notes" not in client.get_buckets()
    client.set_setting("startOfDay", "04:00")
    assert client.get_setting("startOfDay") == "04:00"


def enqueue(client, base, apps=("Terminal", "Mail", "End")):
    """A minute of two windows in the queue. The last heartbeat stays with the client, as it always does."""
    for second in range(61):
        app = apps[min(second // 30, 2)]
        client.heartbeat(WINDOW, event(base, second, {"app": app, "title": "t"}), pulsetime=2, queued=True, commit_interval=7)
    for second in range(0, 61, 5):
        data = {"status": "not-afk"}
        client.heartbeat(AFK, event(base, second, data), pulsetime=185, queued=True, commit_interval=1)
    client.heartbeat(AFK, event(base, 60.001, {"status": "afk"}), pulsetime=185, queued=True)


def drain(client):
    for bucket, kind in ((WINDOW, "currentwindow"), (AFK, "afkstatus")):
        client.create_bucket(bucket, kind, queued=True)
    with client:
        until = time.monotonic() + WITHIN_SECS
        while client.request_queue._persistqueue.qsize() or client.request_queue._current:
            assert time.monotonic() < until, "the queue is not delivered"
            time.sleep(0.05)


def queued(client, base):
    enqueue(client, base)
    drain(client)


def offline(client, base):
    """Nobody listens: what is put into the queue stays on the disk."""
    enqueue(client, base, ("Music", "Paint", "End"))


def deliver(client, _):
    drain(client)


STEPS = {"online": online, "rest": rest, "queued": queued, "offline": offline, "deliver": deliver}

main()
