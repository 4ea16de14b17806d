import { Redis } from "ioredis";
import { HOST, type Locker, type Opening } from "./locker.ts";

/**
 * The floor of a handover between processes: release is one PUBLISH, and whoever waits starts on the message.
 * There is no lock behind it; only the alternating script of the handover cell makes it look like one.
 */
export async function open({ redisPort, index }: Opening): Promise<Locker> {
  const redis = new Redis({ host: HOST, port: redisPort });
  const subscriber = new Redis({ host: HOST, port: redisPort });
  let mayEnter = index === 0;
  let wake: (() => void) | undefined;
  subscriber.on("message", (_channel: string, sender: string) => {
    if (sender !== String(index)) wake?.();
  });
  await subscriber.subscribe("handover");
  return {
    async lock() {
      if (!mayEnter) await new Promise<void>((resolve) => (wake = resolve));
      mayEnter = false;
      return () => redis.publish("handover", String(index));
    },
  };
}
