// ASP.NET Core SignalR as a peer of the benchmark, as its documentation sets it up. Arguments: mode, Redis (host:port).
//   stream      a server whose background service reads the stream and sends each event to its group
//   backplane   a server on SignalR's own Redis backplane
//   publisher   another process of the backplane's application: takes orders on standard input, publishes through the hub's context
// Says {"url"} or {"ready"} on standard output, one JSON object a line.
using System.Text.Json;
using Microsoft.AspNetCore.SignalR;
using StackExchange.Redis;

var (mode, redis) = (args[0], args[1]);
var builder = WebApplication.CreateBuilder();
builder.Logging.ClearProviders();
builder.WebHost.UseUrls("http://127.0.0.1:0");
var signalR = builder.Services.AddSignalR();
if (mode == "stream") builder.Services.AddHostedService(services => new StreamBridge(redis, services.GetRequiredService<IHubContext<EventsHub>>()));
else signalR.AddStackExchangeRedis(redis);

var app = builder.Build();
app.MapHub<EventsHub>("/hubs/events");
await app.StartAsync();
if (mode == "publisher") await new Publisher(app.Services.GetRequiredService<IHubContext<EventsHub>>()).Serve();
else Output.Write(new { url = app.Urls.First() });
await app.WaitForShutdownAsync();

/// <summary>Clients join a room by calling JoinRoom.</summary>
sealed class EventsHub : Hub
{
    public Task JoinRoom(string room) => Groups.AddToGroupAsync(Context.ConnectionId, room);
}

/// <summary>Reads with BLOCK on a connection of its own, for a blocked one holds up all other commands of its multiplexer.</summary>
sealed class StreamBridge(string redis, IHubContext<EventsHub> hub) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stopping) => Task.Factory.StartNew(() => Read(stopping), TaskCreationOptions.LongRunning).Unwrap();

    async Task Read(CancellationToken stopping)
    {
        using var connection = await ConnectionMultiplexer.ConnectAsync(redis);
        var database = connection.GetDatabase();
        var cursor = "0-0";
        while (!stopping.IsCancellationRequested)
        {
            var reply = await database.ExecuteAsync("XREAD", "COUNT", 500, "BLOCK", 2000, "STREAMS", "events:chat", cursor);
            if (reply.IsNull) continue;
            foreach (var entry in (RedisResult[])((RedisResult[])((RedisResult[])reply!)[0]!)[1]!)
            {
                var (id, fields) = ((string)((RedisResult[])entry!)[0]!, (RedisValue[])((RedisResult[])entry!)[1]!);
                cursor = id;
                var byName = new Dictionary<string, RedisValue>();
                for (var at = 0; at + 1 < fields.Length; at += 2) byName[fields[at]!] = fields[at + 1];
                using var payload = JsonDocument.Parse((byte[])byName["payload"]!);
                await hub.Clients.Group(byName["room_id"]!).SendAsync(byName["event_type"]!, new
                {
                    event_id = (string)byName["event_id"]!,
                    event_type = (string)byName["event_type"]!,
                    timestamp = (string)byName["timestamp"]!,
                    room_id = (string)byName["room_id"]!,
                    payload = payload.RootElement,
                }, stopping);
            }
        }
    }
}
