// What a watcher in JavaScript does, by the real aw-client: run by scripts/aw-clients as `CLIENT ADDRESS BASE KEEPER`, which is the agent or the server.
"use strict";
const assert = require("node:assert");

const [client, address, base, keeper] = process.argv.slice(2);
const { AWClient } = require(client);
const WINDOW = "aw-watcher-window_here";
const AFK = "aw-watcher-afk_here";
const WEB = "aw-watcher-web-firefox_here";

const at = (second) => new Date((Number(base) + second) * 1000);
const event = (second, data, duration = 0) => ({ timestamp: at(second), duration, data });
const tab = (url, incognito) => ({ url, title: "a title", audible: false, incognito, tabCount: 1 });

async function main() {
  const aw = new AWClient("aw-clients-test", { baseURL: address });
  assert.strictEqual((await aw.getInfo()).testing, false);
  // A minute in a browser, in two tabs; everything at once, in a queue for each bucket.
  for (const [bucket, kind] of [[WINDOW, "currentwindow"], [AFK, "afkstatus"], [WEB, "web.tab.current"]]) {
    await aw.ensureBucket(bucket, kind, "here");
    assert.deepStrictEqual(await aw.ensureBucket(bucket, kind, "here"), { alreadyExist: true });
  }
  const sent = [];
  for (let second = 0; second <= 60; second += 1) {
    sent.push(aw.heartbeat(WINDOW, 2, event(second, { app: "firefox", title: "t" })));
    if (second % 5 === 0) sent.push(aw.heartbeat(AFK, 185, event(second, { status: "not-afk" })));
  }
  sent.push(aw.heartbeat(WEB, 80, event(0, tab("https://d.example/", false))));
  sent.push(aw.heartbeat(WEB, 80, event(39.999, tab("https://d.example/", false))));
  sent.push(aw.heartbeat(WEB, 80, event(40, tab("about:blank", false))));
  sent.push(aw.heartbeat(WEB, 80, event(60, tab("about:blank", false))));
  await Promise.all(sent);
  const [last] = await aw.getEvents(WEB, { limit: 1 });
  // A page without a site is nothing that the server keeps.
  assert.deepStrictEqual(keeper === "agent" ? last.data.url : last.data, keeper === "agent" ? "about:blank" : { incognito: true });
  assert.ok((await aw.getBuckets())[WEB].last_updated >= at(60));
  assert.strictEqual((await aw.getBucketInfo(AFK)).type, "afkstatus");
  if (keeper === "agent") await rest(aw);
}

async function rest(aw) {
  await aw.createBucket("node-notes", "test.notes", "here");
  await aw.insertEvent("node-notes", event(0, { note: "one" }, 1));
  await aw.insertEvents("node-notes", [event(10, { note: "two" }, 1), event(20, { note: "three" }, 1)]);
  const [three, two] = await aw.getEvents("node-notes", { start: at(9), end: at(30) });
  assert.deepStrictEqual([three.data.note, two.data.note], ["three", "two"]);
  await aw.replaceEvent("node-notes", { ...two, data: { note: "zwei" } });
  assert.strictEqual((await aw.getEvent("node-notes", two.id)).data.note, "zwei");
  await aw.deleteEvent("node-notes", three.id);
  assert.strictEqual(await aw.countEvents("node-notes"), 2);
  await aw.deleteBucket("node-notes");
  assert.ok(!("node-notes" in (await aw.getBuckets())));
  await aw.set_setting("theme", { dark: true });
  assert.deepStrictEqual(await aw.get_setting("theme"), { dark: true });
  assert.ok("theme" in (await aw.get_settings()));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
