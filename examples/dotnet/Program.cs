// dotnet run -- receive <gateway> <room>
// dotnet run -- publish <gateway> <room> <title>
switch (args)
{
    case ["receive", var gateway, var room]:
        await Receiver.RunAsync(gateway, room);
        break;
    case ["publish", var gateway, var room, var title]:
        var publisher = new Publisher(gateway, Environment.GetEnvironmentVariable("MILLRACE_KEY") ?? "");
        await publisher.PublishAsync("notification", room, new { type = "info", title });
        break;
    default:
        Console.Error.WriteLine("receive <gateway> <room> | publish <gateway> <room> <title>");
        return 1;
}
return 0;
