// Publishes events over HTTP. A request is repeated with the same event ID, so the event is stored once.
using System.Net.Http.Headers;
using System.Net.Http.Json;

public sealed class Publisher
{
    private readonly HttpClient http;

    public Publisher(string gateway, string key)
    {
        http = new HttpClient { BaseAddress = new Uri(gateway), Timeout = TimeSpan.FromSeconds(10) };
        if (key != "") http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    public async Task PublishAsync(string type, string room, object payload)
    {
        var body = new { event_id = Guid.NewGuid(), event_type = type, room_id = room, payload };
        for (var attempt = 1; ; attempt += 1)
        {
            try
            {
                var response = await http.PostAsJsonAsync("/v1/events", body);
                if (response.IsSuccessStatusCode) return;
                if ((int)response.StatusCode is not (429 or 503))
                    throw new InvalidOperationException(await response.Content.ReadAsStringAsync());
            }
            catch (Exception error) when (error is HttpRequestException or TaskCanceledException && attempt < 5)
            {
                // The connection broke or took too long: the event may be stored or not, so send it again.
            }
            if (attempt == 5) throw new TimeoutException("Millrace did not take the event.");
            await Task.Delay(TimeSpan.FromSeconds(attempt));
        }
    }
}
