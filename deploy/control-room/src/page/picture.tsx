// A picture of a camera, or why there is none.
import { useSignal } from "@preact/signals";
import { picture } from "./pictures";
import { t } from "./strings";

export function Picture({ id, alt }: { id: string; alt: string }) {
  const address = picture(id).value;
  const isBad = useSignal(false);
  if (address === null) return <p>{t.detail.pictureWait}</p>;
  if (address === "") return <p>{t.detail.pictureNone}</p>;
  if (isBad.value) return <p>{t.detail.pictureBad}</p>;
  return <img class="picture" src={address} alt={alt} onError={() => (isBad.value = true)} />;
}
