import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Line, after, joined, merged } from "../src/observing/lines";
import { type Source, Tail, type Tailed } from "../src/observing/tail";

const line = (pod: string, second: number, text = `${pod} ${second}`): Line => ({ at: `2026-11-22T10:00:${String(second).padStart(2, "0")}.000000000Z`, pod, text });

describe("lines of several pods", () => {
  test("what comes later is joined as if all were sorted anew", () => {
    const a = [line("a", 1), line("a", 3), line("a", 9)];
    const b = [line("b", 2), line("b", 3), line("b", 10)];
    expect(joined(a, b, 100)).toEqual(merged([a, b], 100));
    expect(joined(a, b, 2).map((each) => each.text)).toEqual(["a 9", "b 10"]);
    expect(joined(a, [], 100)).toBe(a);
  });

  test("no line gets a time before the one above it", () => {
    expect(after([line("a", 5)], [line("a", 4, "late"), line("a", 6)])).toEqual([line("a", 5, "late"), line("a", 6)]);
  });
});

class Socket {
  static all: Socket[] = [];
  onopen = () => {};
  onmessage = (_: { data: unknown }) => {};
  onclose = (_: { code: number }) => {};
  closed = false;
  constructor(readonly url: string) {
    Socket.all.push(this);
  }
  close(): void {
    this.closed = true;
  }
  say(text: string): void {
    this.onopen();
    this.onmessage({ data: new TextEncoder().encode(text).buffer });
  }
}

const source = (pod: string, ended = false): Source => ({ namespace: "default", pod, container: "main", ended });

describe("a tail", () => {
  let shown: Tailed = { lines: [], reading: true };
  let asked: string[] = [];
  const texts = () => shown.lines.map((each) => each.text);

  beforeEach(() => {
    vi.useFakeTimers();
    Socket.all = [];
    asked = [];
    shown = { lines: [], reading: true };
    vi.stubGlobal("WebSocket", Socket);
    vi.stubGlobal("fetch", async (path: string) => {
      asked.push(path);
      return new Response(`${line("x", 30).at} read\n`);
    });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  test("follows what may grow, reads once what has ended", async () => {
    const tail = new Tail((state) => {
      shown = state;
    });
    tail.want([source("grows"), source("ended", true)], true);
    expect(Socket.all.map((each) => each.url)).toEqual([expect.stringContaining("/pods/grows/log?container=main&timestamps=true&tailLines=1000&follow=true")]);
    const { at } = line("grows", 40);
    Socket.all[0]?.say(`${at} one\n${at} tw`);
    Socket.all[0]?.say(`o\n${at} o`);
    await vi.advanceTimersByTimeAsync(500);
    expect(texts()).toEqual(["read", "one", "two"]);
    expect(asked).toHaveLength(1);
    tail.want([source("grows")], true);
    await vi.advanceTimersByTimeAsync(500);
    expect(texts()).toEqual(["one", "two"]);
    expect(Socket.all).toHaveLength(1);
    tail.want([], true);
    expect(Socket.all[0]?.closed).toBe(true);
  });

  test("goes on after the last line when its socket broke", async () => {
    const tail = new Tail((state) => {
      shown = state;
    });
    tail.want([source("a")], true);
    const text = `${line("a", 1).at} one\n${line("a", 2).at} two\n`;
    Socket.all[0]?.say(text);
    await vi.advanceTimersByTimeAsync(10);
    Socket.all[0]?.onclose({ code: 1006 });
    await vi.advanceTimersByTimeAsync(2000);
    expect(Socket.all[1]?.url).toContain("sinceTime=2026-11-22T10%3A00%3A00");
    Socket.all[1]?.say(`${text}${line("a", 3).at} three\n`);
    await vi.advanceTimersByTimeAsync(500);
    expect(texts()).toEqual(["one", "two", "three"]);
    tail.close();
  });

  test("a silent log is empty", async () => {
    const tail = new Tail((state) => {
      shown = state;
    });
    tail.want([source("silent")], true);
    await vi.advanceTimersByTimeAsync(1500);
    expect(shown).toEqual({ lines: [], reading: false });
    tail.close();
  });

  test("asks again and again where no socket is opened", async () => {
    const tail = new Tail((state) => {
      shown = state;
    });
    tail.want([source("a")], true);
    Socket.all[0]?.onclose({ code: 1006 });
    await vi.advanceTimersByTimeAsync(500);
    expect(texts()).toEqual(["read"]);
    await vi.advanceTimersByTimeAsync(4000);
    expect(asked.length).toBeGreaterThan(2);
    expect(Socket.all).toHaveLength(1);
    tail.close();
  });
});
