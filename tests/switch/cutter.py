"""tests/switch/cutter.py - a forwarder of bytes that cuts connections in the middle of what they carry"""
import asyncio
import random
import socket
import struct
import threading


class Cutter:
    """Forwards 127.0.0.1:port to a port of 127.0.0.1. Every connection is cut after least..most seconds, half of
    them with a reset, and in the middle of a piece of bytes. cuts counts; lives is None: nothing is cut."""

    def __init__(self, target, lives=(0.05, 0.9), seed=1):
        self.target, self.lives, self.dice = target, lives, random.Random(seed)
        self.cuts = self.connections = 0
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait(10)

    def run(self, ready):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()

    def end(self):
        async def stop():
            others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        asyncio.run_coroutine_threadsafe(stop(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    async def copy(self, reader, writer, state):
        while True:
            part = await reader.read(16384)
            if not part:
                break
            if state["is_due"]:
                writer.write(part[:len(part) // 2])
                state["cut"].set()
                return
            writer.write(part)
            await writer.drain()
        state["cut"].set()

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        state = {"is_due": False, "cut": asyncio.Event()}
        tasks = [asyncio.ensure_future(self.copy(reader, back, state)),
                 asyncio.ensure_future(self.copy(there, writer, state))]
        try:
            if self.lives:
                try:
                    await asyncio.wait_for(state["cut"].wait(), self.dice.uniform(*self.lives))
                except asyncio.TimeoutError:
                    self.cuts += 1
                    state["is_due"] = True      # at the next bytes, or soon
                    try:
                        await asyncio.wait_for(state["cut"].wait(), 0.3)
                    except asyncio.TimeoutError:
                        pass
            else:
                await state["cut"].wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for end in (writer, back):
                self.close(end, state["is_due"] and self.dice.random() < 0.5)

    @staticmethod
    def close(writer, resets):
        try:
            if resets:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()
        except OSError:     # it is closed already
            pass
