# Beginnings of updates, and what an operator's own are filled with. Loaded where one writes, in every language of the page.

template-looking = Looking into it
template-looking-text = We know that it is not working and are looking for the cause.
template-cause = Cause known
template-cause-text = We know the cause and are working on it.
template-working = Still working on it
template-working-text = We are still working on it. There is nothing new to say yet.
template-better = Better, watching
template-better-text = It should work again. We are watching it before we call it over.
template-nothing-new = Nothing new
template-nothing-new-text = There is nothing new yet. We are still here and still on it.

# Places of the operator's own
place-of-services = the affected services
place-of-began = when it began
place-of-duration = how long it has lasted
place-of-next_update = when the next update is promised
place-of-eta = when it is expected to be over
place-about = What stands in braces is filled in as it is published:
place-none-services = { $place } has nothing to stand for: no service that visitors see is affected. Name one, or write it otherwise.
place-none-next_update = { $place } has nothing to stand for: no next update is promised. Choose when it comes, or write it otherwise.
place-none-eta = { $place } has nothing to stand for: no time is given by which it is over, or it has passed. Say until when first, or write it otherwise.
