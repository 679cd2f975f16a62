/* browser/page.js - what is put into a page of the node's own origin: a session by cookie, and a client of each way
 *
 * Everything is the browser's own: fetch(), EventSource, WebSocket. Each way follows one cursor, comes again at it
 * after any end (Chromium breaks everything off when the machine's network changes, say), and notes what happened.
 * Answers to the proof are JSON text, as both drivers can carry that.
 */
(() => {
    "use strict";
    const state = { who: null, failure: null, ways: {} };
    const names = ["message", "edit", "delete", "reaction", "member", "conversation", "mark", "device"];

    async function ask(method, path, body) {
        const answer = await fetch(path, {
            method,
            headers: body === undefined ? {} : { "content-type": "application/json" },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        return { status: answer.status, body: await answer.json() };
    }

    function way_new(name, cursor) {
        const w = { name, cursor, seen: [], openings: 0, signals: 0, answers: {}, is_open: false,
                    ends: [], breaks: [], errors: [] };
        state.ways[name] = w;
        return w;
    }

    function take(w, event) {
        w.seen.push({ i: event.i, t: event.t, text: event.text });
        w.cursor = w.cursor.split(".")[0] + "." + event.i;
    }

    function later(w, run) {
        w.is_open = false;
        setTimeout(run, 250);
    }

    /* WebSocket: batches, signals, answers. */
    function open_socket(w) {
        const url = location.origin.replace("https", "wss") + "/v1/events?after=" + w.cursor;
        const socket = new WebSocket(url, "posthorn.v1");
        w.send = (frame) => socket.send(JSON.stringify(frame));
        socket.onmessage = (m) => {
            const frame = JSON.parse(m.data);
            if (frame.events) {
                w.openings += !w.is_open;
                w.is_open = true;
                frame.events.forEach((event) => take(w, event));
                w.cursor = frame.cursor;
                w.send({ ack: w.cursor });
            } else if (frame.signal) {
                w.signals++;
            } else if (frame.error) {
                w.errors.push(frame.error);
            } else {
                w.answers[frame.id] = { status: frame.status, body: frame.body };
            }
        };
        socket.onclose = (end) => {
            if (w.is_open)
                w.ends.push(`${end.code} ${end.reason}`);
            later(w, () => open_socket(w));
        };
    }

    /* Server-sent events. EventSource comes again by itself (Last-Event-ID), unless it was refused: then we do. */
    function open_events(w) {
        const source = new EventSource("/v1/events?after=" + w.cursor);
        source.onopen = () => {
            w.openings++;
            w.is_open = true;
        };
        for (const name of names)
            source.addEventListener(name, (e) => {
                take(w, JSON.parse(e.data));
                if (e.lastEventId !== w.cursor)
                    w.errors.push(`id ${e.lastEventId} with event ${w.cursor}`);
            });
        source.addEventListener("signal", () => w.signals++);
        source.addEventListener("bye", (e) => w.ends.push("bye " + e.data));
        source.onerror = () => {
            w.is_open = false;
            if (source.readyState === EventSource.CLOSED)
                later(w, () => open_events(w));
        };
    }

    /* Long polling: the next request is asked when an answer is here. */
    async function open_poll(w) {
        try {
            w.is_open = true;
            const answer = await ask("GET", `/v1/events?after=${w.cursor}&wait=20`);
            if (answer.status !== 200)
                w.errors.push("status " + answer.status);
            w.openings++;
            answer.body.events.forEach((event) => take(w, event));
            w.cursor = answer.body.cursor;
            if (!answer.body.retry_ms)
                return open_poll(w);
            w.ends.push("retry_ms " + answer.body.retry_ms);
        } catch (why) {
            w.breaks.push(String(why));
        }
        return later(w, () => open_poll(w));
    }

    /* Requests while the node was away had no protocol: they are left out. */
    function versions(part) {
        const all = performance.getEntriesByType("resource");
        const found = all.filter((e) => e.name.includes(part) && e.nextHopProtocol);
        return [...new Set(found.map((e) => e.nextHopProtocol))];
    }

    window.proof = {
        enter(handle, password) {
            (async () => {
                const made = await ask("POST", "/v1/accounts", { handle, password });
                const session = await ask("POST", "/v1/sessions",
                    { handle, password, device: { name: "browser", platform: "test" }, cookie: true });
                if (made.status !== 201 || session.status !== 201)
                    throw new Error(JSON.stringify([made, session]));
                state.who = { id: session.body.account.id, cursor: session.body.cursor,
                              has_token: session.body.token !== undefined, sees_cookie: document.cookie !== "" };
            })().catch((why) => { state.failure = String(why); });
        },
        open(name, cursor) {
            const open = { websocket: open_socket, sse: open_events, poll: open_poll }[name];
            open(way_new(name, cursor));
        },
        frame(frame) { state.ways.websocket.send(frame); },
        post(way, path, body) {
            const w = state.ways[way];
            ask("POST", path, body).then((a) => { w.answers.post = a; }, (why) => w.errors.push(String(why)));
        },
        forget_errors(way) { state.ways[way].errors = []; },
        report() {
            return JSON.stringify({ ...state, versions: versions("/v1/"), versions_of_events: versions("/v1/events") });
        },
    };
})();
