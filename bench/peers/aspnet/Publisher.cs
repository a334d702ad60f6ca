// Publishes in an open loop, as the publishers on Node do: the same orders, the same payload, the same monotonic clock.
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.SignalR;

sealed record SendOrder(string[] Rooms, double EventsPerSecond, int Events, int FirstNumber, double GridMs);

sealed record Sender(Guid Id, string Username);

sealed class Publisher(IHubContext<EventsHub> hub)
{
    static readonly JsonSerializerOptions Web = new(JsonSerializerDefaults.Web);
    static readonly string Filler = string.Concat(Enumerable.Repeat("It works again since the restart, thank you for your patience! ", 2));
    readonly Guid request = Guid.NewGuid();
    readonly Sender sender = new(Guid.NewGuid(), "maria");

    /// <summary>Nanoseconds of CLOCK_MONOTONIC, which is what Node's hrtime reads as well.</summary>
    static long NowNs() => Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency);

    public Task Serve()
    {
        var thread = new Thread(() =>
        {
            Output.Write(new { ready = true });
            while (Console.In.ReadLine() is { } line) CarryOut(JsonSerializer.Deserialize<SendOrder>(line, Web)!);
        });
        thread.Start();
        return Task.CompletedTask;
    }

    void CarryOut(SendOrder order)
    {
        var perTick = Math.Max(1, (int)Math.Round(order.EventsPerSecond * order.GridMs / 1_000));
        var tickNs = perTick / order.EventsPerSecond * 1e9;
        var startNs = NowNs() + 20_000_000;
        var lateNs = new long[order.Events];
        var sends = new Task[order.Events];
        for (var sent = 0; sent < order.Events;)
        {
            var intendedNs = startNs + (long)(sent / perTick * tickNs);
            WaitUntil(intendedNs);
            for (var end = Math.Min(order.Events, sent + perTick); sent < end; sent++)
            {
                lateNs[sent] = Math.Max(0, NowNs() - intendedNs);
                sends[sent] = Send(order.Rooms[(order.FirstNumber + sent) % order.Rooms.Length], intendedNs, order.FirstNumber + sent);
            }
        }
        var sendingMs = (NowNs() - startNs + tickNs) / 1e6;
        var failures = 0;
        string? firstFailure = null;
        foreach (var send in sends)
        {
            try { send.Wait(); }
            catch (AggregateException error) { failures++; firstFailure ??= error.InnerException!.Message; }
        }
        Output.Write(new { sent = order.Events, failed = failures, firstFailure, lateness = lateNs, sendingMs });
    }

    /// <summary>Sleeps until shortly before the time and turns for the rest; .NET's own sleep is exact to a millisecond only.</summary>
    static void WaitUntil(long timeNs)
    {
        for (long waitNs; (waitNs = timeNs - NowNs()) > 0;)
        {
            if (waitNs > 300_000) usleep((uint)((waitNs - 150_000) / 1_000));
            else Thread.SpinWait(20);
        }
    }

    [DllImport("libc")]
    static extern int usleep(uint microseconds);

    Task Send(string room, long intendedNs, int number) => hub.Clients.Group(room).SendAsync("chat_message", new
    {
        event_id = Guid.NewGuid(),
        event_type = "chat_message",
        timestamp = DateTime.UtcNow,
        room_id = room,
        payload = new
        {
            id = Guid.NewGuid(),
            request_id = request,
            sender_id = sender.Id,
            sender,
            content = $"~t={intendedNs};n={number};{Filler}",
            sequence_number = number + 1,
            is_screenshot = false,
            created_at = DateTime.UtcNow,
        },
    });
}

static class Output
{
    public static void Write(object line)
    {
        lock (Console.Out)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(line));
            Console.Out.Flush();
        }
    }
}
