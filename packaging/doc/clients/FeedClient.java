// A feed in Java: sends event lines, and is done when the relay has answered for each of them.
//
//   java -cp mqtt-client.jar:hawtbuf.jar:hawtdispatch.jar:hawtdispatch-transport.jar:gson.jar FeedClient.java \
//       --feed sn-cmcc --host broker.example --username feed-sn-cmcc < events.jsonl
//
// Needs the FuseSource MQTT client and Gson (Debian: libmqtt-client-java libgoogle-gson-java). The password is in the
// environment, FEED_PASSWORD; with --tls the JVM's trust store decides whom to trust. The lines stand in for your own
// outbox: an event may be forgotten only when its receipt says accepted or duplicate.

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.fusesource.mqtt.client.BlockingConnection;
import org.fusesource.mqtt.client.MQTT;
import org.fusesource.mqtt.client.Message;
import org.fusesource.mqtt.client.QoS;
import org.fusesource.mqtt.client.Topic;

public class FeedClient {
    static final long[] RESEND_AFTER = {5, 15, 60, 300}; // seconds; then every five minutes
    static final long HEARTBEAT = 30;

    static class Waiting {
        final byte[] bytes; // these very bytes: a resend must not differ
        int attempts;
        long again;

        Waiting(byte[] bytes) {
            this.bytes = bytes;
        }
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> option = new HashMap<>();
        for (int i = 0; i < args.length; i++) {
            String name = args[i].replaceFirst("^--", "");
            option.put(name, name.equals("tls") ? "" : args[++i]);
        }
        String feed = option.get("feed"), top = "tocsin/v1";
        boolean tls = option.containsKey("tls");

        Map<String, Waiting> waiting = new LinkedHashMap<>();
        long lastSeq = -1;
        int all = 0, refused = 0;
        try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line; (line = in.readLine()) != null; ) {
                if (line.isBlank()) continue;
                JsonObject event = JsonParser.parseString(line).getAsJsonObject();
                waiting.put(event.get("event_id").getAsString(), new Waiting(line.getBytes(StandardCharsets.UTF_8)));
                if (event.has("seq")) lastSeq = Math.max(lastSeq, event.get("seq").getAsLong());
                all++;
            }
        }

        MQTT mqtt = new MQTT();
        mqtt.setHost(new URI((tls ? "tls://" : "tcp://") + option.getOrDefault("host", "127.0.0.1") + ":"
                + option.getOrDefault("port", tls ? "8883" : "1883")));
        mqtt.setClientId(feed + ".client." + ProcessHandle.current().pid());
        mqtt.setVersion("3.1.1");
        mqtt.setCleanSession(true);
        if (option.containsKey("username")) {
            mqtt.setUserName(option.get("username"));
            mqtt.setPassword(System.getenv("FEED_PASSWORD"));
        }
        mqtt.setConnectAttemptsMax(5); // then it says why; without a bound it would try for ever and say nothing
        BlockingConnection broker = mqtt.blockingConnection();
        broker.connect(); // once it has been there it connects again by itself, without a bound
        broker.subscribe(new Topic[] {new Topic(top + "/receipts/" + feed, QoS.AT_LEAST_ONCE)});

        long end = now() + Long.parseLong(option.getOrDefault("timeout", "600")), beat = 0;
        while (!waiting.isEmpty() && now() < end) {
            if (now() >= beat && lastSeq >= 0) {
                String text = "{\"last_seq\":" + lastSeq + "}";
                broker.publish(top + "/feeds/" + feed + "/heartbeat", text.getBytes(StandardCharsets.UTF_8),
                        QoS.AT_LEAST_ONCE, false);
                beat = now() + HEARTBEAT;
            }
            for (Waiting w : waiting.values()) {
                if (now() < w.again) continue;
                broker.publish(top + "/feeds/" + feed + "/events", w.bytes, QoS.AT_LEAST_ONCE, false);
                w.again = now() + RESEND_AFTER[Math.min(w.attempts++, RESEND_AFTER.length - 1)];
            }
            Message message = broker.receive(200, TimeUnit.MILLISECONDS);
            if (message == null) continue;
            message.ack();
            String receipt = new String(message.getPayload(), StandardCharsets.UTF_8);
            for (JsonElement element : JsonParser.parseString(receipt).getAsJsonObject().getAsJsonArray("results")) {
                JsonObject r = element.getAsJsonObject();
                String id = r.get("event_id").getAsString();
                boolean rejected = r.get("status").getAsString().equals("rejected");
                if (!waiting.containsKey(id)) continue;
                if (rejected && r.has("retry") && r.get("retry").getAsString().equals("later")) continue;
                if (rejected) {
                    refused++;
                    System.err.println(id + ": " + r.get("code").getAsString() + " " + r.get("message").getAsString());
                }
                waiting.remove(id);
            }
        }
        broker.disconnect();
        System.out.println(all + " events: " + (all - refused - waiting.size()) + " taken, " + refused + " refused, "
                + waiting.size() + " without receipt");
        System.exit(refused == 0 && waiting.isEmpty() ? 0 : 1);
    }

    static long now() {
        return System.nanoTime() / 1_000_000_000L;
    }
}
