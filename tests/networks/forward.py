"""tests/networks/forward.py ADDRESS PORT TARGET - carries bytes to TARGET ([host:]port), and knows nothing of them"""
import asyncio
import sys


async def copy(reader, writer):
    try:
        while part := await reader.read(16384):
            writer.write(part)
            await writer.drain()
    except OSError:
        pass
    writer.close()


async def main():
    address, port, target = sys.argv[1:4]
    host, _, to = target.rpartition(":")

    async def serve(reader, writer):
        try:
            there, back = await asyncio.open_connection(host or "127.0.0.1", int(to))
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, back), copy(there, writer))

    async with await asyncio.start_server(serve, address, int(port)) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
