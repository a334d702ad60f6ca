// A .NET client in one room that misses nothing. It keeps the position of the last event, and hands it over after each reconnect.
using System.Text.Json;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;

public sealed class Receiver(HubConnection connection, string room)
{
    private const int MaxSeen = 2_000; // event IDs; a replay has at most 1,000 events
    private readonly Queue<string> order = new();
    private readonly HashSet<string> seen = [];
    private string? position;
    private bool isJoined;

    public static async Task RunAsync(string gateway, string room)
    {
        var connection = new HubConnectionBuilder()
            .WithUrl($"{gateway}/hubs/events", options => options.AccessTokenProvider = GetTokenAsync)
            .WithAutomaticReconnect(new Forever())
            .Build();
        var receiver = new Receiver(connection, room);
        connection.On<JsonElement>("notification", (JsonElement e) => receiver.Handle(e, () => Console.WriteLine(TitleOf(e))));
        connection.On<JsonElement>("resync", (JsonElement _) => receiver.Reload());
        connection.On<JsonElement>("position", receiver.KeepPosition);
        connection.Reconnecting += _ => { receiver.isJoined = false; return Task.CompletedTask; };
        connection.Reconnected += _ => receiver.JoinAsync();
        await connection.StartAsync();
        await receiver.JoinAsync();
        await Task.Delay(Timeout.Infinite);
    }

    private async Task JoinAsync()
    {
        try
        {
            var answer = await connection.InvokeAsync<JsonElement>("JoinRoom", room, position);
            position = answer.GetProperty("position").GetString();
            isJoined = true;
            if (!answer.GetProperty("recovered").GetBoolean()) Reload();
        }
        catch (HubException error) when (error.Message.Contains("Try again"))
        {
            await Task.Delay(1_000);
            await JoinAsync();
        }
    }

    /// <summary>Runs the handler once for each event, also when the event comes again after a reconnect.</summary>
    private void Handle(JsonElement message, Action handler)
    {
        if (position != null) position = message.GetProperty("position").GetString();
        if (!seen.Add(message.GetProperty("event_id").GetString()!)) return;
        order.Enqueue(message.GetProperty("event_id").GetString()!);
        if (order.Count > MaxSeen) seen.Remove(order.Dequeue());
        handler();
    }

    private void KeepPosition(JsonElement message)
    {
        if (isJoined) position = message.GetProperty("position").GetString();
    }

    /// <summary>The first join, or not everything that was missed could be sent.</summary>
    private void Reload() => Console.WriteLine($"load {room} from your backend");

    private static string? TitleOf(JsonElement message) => message.GetProperty("payload").GetProperty("title").GetString();

    private static Task<string?> GetTokenAsync() => Task.FromResult(Environment.GetEnvironmentVariable("TOKEN"));

    private sealed class Forever : IRetryPolicy
    {
        public TimeSpan? NextRetryDelay(RetryContext context) =>
            TimeSpan.FromSeconds(Random.Shared.NextDouble() * Math.Min(30, Math.Pow(2, context.PreviousRetryCount)));
    }
}
