"""How long pages take to read, worked out a second time from docs/design.md: plain searches and recursions, no events.

Times are whole femtoseconds. A system is anything with the fields of ``ReadSystem`` that are used here. The buffer
behind the buses has no end, and no page is read twice.
"""

from bisect import insort
from fractions import Fraction
from types import SimpleNamespace

MODE_BYTES = {  # mode: (bytes that cross the bus, bytes of weights) of a page, from user, spare and metadata bytes
    "ecc": lambda user, spare, metadata: (user + spare, user),
    "bypass": lambda user, spare, metadata: (user, user),
    "reclaim": lambda user, spare, metadata: (user + spare - metadata,) * 2,
}


def schedule(system, pages_of):
    """List the bus grants of one channel by a plain search for the next one: (start, end, what, die).

    ``pages_of[die]`` holds the pages of each of the die's groups.
    """
    dies = range(len(pages_of))
    sent, taken = [0] * len(dies), [0] * len(dies)
    command_at = [0 if pages_of[die] else None for die in dies]
    data_at, waiting = [None] * len(dies), [None] * len(dies)
    pages_left, now, log = [0] * len(dies), 0, []

    def more(die):
        return sent[die] < len(pages_of[die])

    def offer(die, at):
        data_at[die], pages_left[die], waiting[die] = at, pages_of[die][taken[die]], None
        taken[die] += 1
        if system.cache_read and more(die):
            command_at[die] = at

    while any(at is not None for at in (*command_at, *data_at, *waiting)):
        now = max(now, min(at for at in (*command_at, *data_at, *waiting) if at is not None))
        for die in dies:  # senses that end while the register is free become data
            if waiting[die] is not None and data_at[die] is None and waiting[die] <= now:
                offer(die, waiting[die])
        commands = sorted((at, die) for die, at in enumerate(command_at) if at is not None and at <= now)
        data = sorted((at, die) for die, at in enumerate(data_at) if at is not None and at <= now)
        if commands and (system.command_first or not data):
            die = commands[0][1]
            log.append((now, now + system.command_fs, "command", die))
            now, command_at[die] = now + system.command_fs, None
            waiting[die] = now + system.read_fs[sent[die] % len(system.read_fs)] + system.before_data_fs
            sent[die] += 1
        elif data:
            die = data[0][1]
            log.append((now, now + system.transfer_fs, "data", die))
            now, pages_left[die] = now + system.transfer_fs, pages_left[die] - 1
            if not pages_left[die]:
                data_at[die] = None
                if waiting[die] is not None and waiting[die] <= now:
                    offer(die, now)
                if not system.cache_read and more(die):
                    command_at[die] = now
        else:
            now = min(at for at in (*command_at, *data_at, *waiting) if at is not None and at > now)
    return log


def in_turn(arrivals, servers, service):
    """Return (when, type) each page leaves engines that take the dies in turn, the pages of one die in their order.

    ``arrivals`` are (when, die, type), ``service[type]`` is how long a page of that type stays.
    """
    free, waiting, left, turn, next_turn, now = [0] * servers, [], [], 0, {}, 0
    arrivals = sorted(arrivals, reverse=True)
    while arrivals or waiting:
        now = max(now, free[0], 0 if waiting else arrivals[-1][0])
        while arrivals and arrivals[-1][0] <= now:
            _, die, kind = arrivals.pop()
            mine = max(turn, next_turn.get(die, 0))
            next_turn[die] = mine + 1
            insort(waiting, (mine, die, kind))
        turn, _, kind = waiting.pop(0)
        free.pop(0)
        insort(free, now + service[kind])
        left.append((now + service[kind], kind))
    return left


def queue(arrivals, servers, service):
    """Return when each customer leaves identical servers, first come first served (Kiefer and Wolfowitz)."""
    left = []
    for index, at in enumerate(sorted(arrivals)):
        free = left[index - servers] if index >= servers else 0
        left.append(max(at, free) + service)
    return left


def read_times(system, pages, decoding=None):
    """Return when each of ``pages`` pages of a model has arrived, in order.

    ``decoding[type]`` is (femtoseconds of an engine, latency behind it); None: the system's own for all.
    """
    groups, channels, dies = -(-pages // system.planes), system.channels, system.dies_per_channel
    sizes = [min(system.planes, pages - group * system.planes) for group in range(groups)]
    arrived = []
    for channel in range(channels):
        pages_of = [sizes[channel + channels * die :: channels * dies] for die in range(dies)]
        kinds = [
            [group % len(system.read_fs) for group, count in enumerate(of) for _ in range(count)] for of in pages_of
        ]
        for _, end, what, die in schedule(system, pages_of):
            if what == "data":
                arrived.append((end, channel + channels * die, kinds[die].pop(0)))
    if system.engines:
        service, latency = zip(
            *(decoding or [(system.decode_fs, system.decode_latency_fs)] * len(system.read_fs)), strict=True
        )
        arrived = [end + latency[kind] for end, kind in in_turn(arrived, system.engines, service)]
    else:
        arrived = [end for end, *_ in arrived]
    return queue(arrived, 1, system.host_fs) if system.host_fs else sorted(arrived)


def described(device, mode):
    """Return a device in one mode as a system, each time from the profile's own numbers in exact fractions."""
    geometry, page, timing, ecc = device.geometry, device.page, device.timing, device.ecc
    bus_bytes, weight_bytes = MODE_BYTES[mode](page.user_bytes, page.spare_bytes, page.metadata_bytes)
    decoded = mode == "ecc" and ecc.code != "none"
    host = device.host.bandwidth_gb_s
    return SimpleNamespace(
        channels=geometry.channels,
        dies_per_channel=geometry.dies_per_channel,
        planes=geometry.planes_per_die,
        read_fs=[_fs(_exact(read_us)) for read_us in timing.read_us],
        command_fs=_fs(_exact(timing.command_us)),
        transfer_fs=_fs(bus_bytes / _exact(timing.bus_mt_s)),  # one byte a transfer
        cache_read=timing.cache_read,
        before_data_fs=_fs(_exact(timing.output_latency_us or 0)) if not timing.cache_read else 0,
        command_first=timing.arbitration == "fair",
        engines=ecc.engines if decoded else 0,
        decode_fs=_fs(page.user_bytes / _exact(ecc.decode_bandwidth_gb_s) / 1000) if decoded else 0,
        decode_latency_fs=_fs(_exact(ecc.decode_latency_us)) if decoded else 0,
        host_fs=_fs(weight_bytes / _exact(host) / 1000) if host else 0,
        page_bytes=weight_bytes,
    )


def described_costs(device, errors):
    """Return (sensings, transfers, engine femtoseconds, latency) of every read by page type, in exact fractions.

    ``errors[type][read]`` are the wrong bits of a codeword.
    """
    hard, soft = device.ecc, device.ecc.soft
    reads = [(hard, 1, 1)] * (1 + hard.retry.max) + [(soft, soft.senses, soft.transfers)] * soft.max
    return [
        [
            (senses, transfers, *_decoding(decoder, device.page.user_bytes, wrong))
            for (decoder, senses, transfers), wrong in zip(reads, row, strict=True)
        ]
        for row in errors
    ]


def _decoding(decoder, user_bytes, wrong):
    longer = 1 + _exact(decoder.decode_growth_per_error or 0) * _exact(wrong)
    if decoder.decode_growth_limit is not None:
        longer = min(longer, _exact(decoder.decode_growth_limit))
    engine_us = user_bytes / _exact(decoder.decode_bandwidth_gb_s) / 1000
    return _fs(engine_us * longer), _fs(_exact(decoder.decode_latency_us) * longer)


def bandwidth_mb_s(system, *, warm_turns, turns):
    """Return the bandwidth of ``turns`` turns through the page types after ``warm_turns``, in 10^6 bytes a second."""
    turn_pages = system.channels * system.dies_per_channel * system.planes * len(system.read_fs)
    ends = read_times(system, (warm_turns + turns) * turn_pages)
    time_fs = ends[-1] - read_times(system, warm_turns * turn_pages)[-1]
    return turns * turn_pages * system.page_bytes * 10**9 / time_fs


def _exact(number):
    return Fraction(str(number))


def _fs(time_us):
    return round(time_us * 10**9)
