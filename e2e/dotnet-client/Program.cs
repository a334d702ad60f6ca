// Official .NET clients of a gateway, one for each transport and protocol, which print the events that they receive. Arguments: the
// URL of the gateway, the room, the names of the event types. Runs until it is killed. Each line of output is one JSON object.
// {"client"}: a client has joined the room. {"ready":true}: all clients have joined. {"client","closed"}: a connection was lost.
// {"client","id","text"}: a client received an event, whose payload is `text` as JSON. Over MessagePack, this object also has
// `integers`: the integers beyond 2^53.
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;

var (url, room, types) = (args[0], args[1], args[2..]);
var output = Console.Out;

void Write(object line)
{
    lock (output)
    {
        output.WriteLine(JsonSerializer.Serialize(line));
        output.Flush();
    }
}

async Task Connect(HttpTransportType transport, bool isBinary)
{
    var client = $"{transport} {(isBinary ? "messagepack" : "json")}";
    var builder = new HubConnectionBuilder().WithUrl($"{url}/hubs/events", transport);
    if (isBinary) builder.AddMessagePackProtocol();
    var connection = builder.Build();
    foreach (var type in types)
    {
        if (isBinary) connection.On<object>(type, value => WritePacked(client, value));
        else connection.On<JsonElement>(type, value => WriteText(client, value));
    }
    connection.Closed += error =>
    {
        Write(new { client, closed = error?.Message ?? "" });
        return Task.CompletedTask;
    };
    await connection.StartAsync();
    await connection.InvokeAsync("JoinRoom", room);
    Write(new { client });
}

void WriteText(string client, JsonElement value) =>
    Write(new { client, id = value.GetProperty("event_id").GetString(), text = value.GetProperty("payload").GetRawText() });

void WritePacked(string client, object value)
{
    var fields = (IDictionary<object, object>)value;
    var (text, integers) = (new StringBuilder(), new List<string>());
    Append(text, integers, fields["payload"]);
    Write(new { client, id = fields["event_id"], text = text.ToString(), integers });
}

static void Append(StringBuilder text, List<string> integers, object? value)
{
    switch (value)
    {
        case null: text.Append("null"); break;
        case bool truth: text.Append(truth ? "true" : "false"); break;
        case string characters: text.Append(JsonSerializer.Serialize(characters)); break;
        case double number: text.Append(TextOf(number)); break;
        case float number: text.Append(TextOf(number)); break;
        case IDictionary<object, object> members:
            text.Append('{');
            foreach (var (name, member) in members)
            {
                text.Append(text[^1] == '{' ? "" : ",").Append(JsonSerializer.Serialize((string)name)).Append(':');
                Append(text, integers, member);
            }
            text.Append('}');
            break;
        case object[] items:
            text.Append('[');
            foreach (var (index, item) in items.Index())
            {
                text.Append(index == 0 ? "" : ",");
                Append(text, integers, item);
            }
            text.Append(']');
            break;
        default:
            var digits = Convert.ToString(value, CultureInfo.InvariantCulture)!;
            if (decimal.Abs(decimal.Parse(digits, CultureInfo.InvariantCulture)) > 9007199254740991m) integers.Add(digits);
            text.Append(digits);
            break;
    }
}

// JSON has no infinity. A number that is too large for a double becomes infinity when it is parsed.
static string TextOf(double number) => double.IsInfinity(number)
    ? (number > 0 ? "1e999" : "-1e999")
    : number.ToString("R", CultureInfo.InvariantCulture);

await Task.WhenAll(
    Connect(HttpTransportType.WebSockets, false),
    Connect(HttpTransportType.ServerSentEvents, false),
    Connect(HttpTransportType.LongPolling, false),
    Connect(HttpTransportType.WebSockets, true),
    Connect(HttpTransportType.LongPolling, true));
Write(new { ready = true });
await Task.Delay(Timeout.Infinite);
